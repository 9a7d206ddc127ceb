"""What each of several processes counted, where the others find it: a file for each, which its successor goes on with.

Whoever is asked writes its own first and then reads all, so that what was told once never sinks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from shunpike_gateway.ops.series import Series

FRESH = 5.0
"""Seconds for which what a process told of itself is believed to be so."""


class Share:
    """The file of one worker among those of all.

    Args:
        path: ``<folder>/<number>.json``; whoever watches over the workers makes the folder, and removes it.

    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, counted: Series) -> None:
        """Go on with what a process counted that stood at this place before."""
        for told in _read(self._path):
            counted.merge(told.get("counted", {}))

    def publish(self, counted: Series, looked_at: Series, now: float) -> None:
        """Let the others see it. What can't be written now is written the next time."""
        draft = self._path.with_suffix(".new")
        told = {"at": now, "counted": counted.plain(), "looked_at": looked_at.plain()}
        try:
            draft.write_bytes(to_json(told))
            draft.replace(self._path)
        except OSError:
            return

    def add_up(self, into: Series, now: float) -> int:
        """Add what all told to ``into``; return how many of them run."""
        running = 0
        for path in sorted(self._path.parent.glob("*.json")):
            for told in _read(path):
                is_fresh = abs(now - told.get("at", 0.0)) <= FRESH
                running += is_fresh
                into.merge(told.get("counted", {}))
                into.merge(told.get("looked_at", {}), gauges=is_fresh)
        return running


def _read(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return
    if isinstance(told, dict):
        yield told
