"""Function calls as Gemini sends them: whole as a rule, argument by argument where a stream was asked to do so."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from shunpike.wire.lenient import rows, string, table

STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]")
SCALARS = ("stringValue", "numberValue", "boolValue", "nullValue")


class MadeCall(NamedTuple):
    """A complete call. ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str
    signature: str


class CallCollector:
    """Collects the calls of one candidate. ``seed`` makes ids, unlike any other answer's, for models that send none."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._open: dict[str, Any] | None = None
        self._id = self._name = self._signature = ""
        self._args: dict[str, Any] = {}
        self.made: list[MadeCall] = []

    def add(self, part: Mapping[str, Any]) -> MadeCall | None:
        """Take in a part with a ``functionCall``; return the call that is complete with it."""
        call = table(part.get("functionCall"))
        if name := string(call.get("name")):
            self._name = name
            self._id = string(call.get("id"))
            self._signature = ""
            self._args = dict(table(call.get("args")))
        if not self._name:
            return None
        self._signature = string(part.get("thoughtSignature")) or self._signature
        for partial in rows(call.get("partialArgs")):
            _set(self._args, partial)
        if call.get("willContinue") is True:
            return None
        made = MadeCall(self._id or self._new_id(), self._name, _dumped(self._args), self._signature)
        self._name = ""
        self.made.append(made)
        return made

    def _new_id(self) -> str:
        text = f"{self._seed}:{len(self.made)}"
        return f"call_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _dumped(args: dict[str, Any]) -> str:
    return json.dumps(args, ensure_ascii=False)


def _set(args: dict[str, Any], partial: Mapping[str, Any]) -> None:
    """Write one streamed value at its path, such as ``$.items[0].id``; a text comes in chunks."""
    steps = [name or int(number) for name, number in STEP.findall(string(partial.get("jsonPath")))]
    kind = next((key for key in SCALARS if key in partial), None)
    if not steps or kind is None:
        return
    value = None if kind == "nullValue" else partial[kind]
    place: Any = args
    for step, following in pairwise(steps):
        place = _enter(place, step, [] if isinstance(following, int) else {})
        if place is None:
            return
    if not isinstance(value, str):
        _enter(place, steps[-1], value)
    elif isinstance(before := _enter(place, steps[-1], ""), str):
        place[steps[-1]] = before + value


def _enter(place: Any, step: str | int, fresh: Any) -> Any:
    """Return what lies at ``step``, putting ``fresh`` there where nothing does; None where ``step`` can't be."""
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, fresh)
    if isinstance(place, list) and isinstance(step, int) and step <= len(place):
        if step == len(place):
            place.append(fresh)
        return place[step]
    return None
