"""What the Tab key offers: commands, models behind ``/model``, files behind those that take one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from shunpike.client import Client
from shunpike.types.base import label

_FILES = frozenset({"/attach", "/save"})


class Completer:
    """Completes the last word of a line."""

    def __init__(self, commands: Sequence[str], models: Callable[[], Sequence[str]]) -> None:
        self._commands = commands
        self._find_models = models

    @cached_property
    def _models(self) -> list[str]:
        return sorted(self._find_models())

    def candidates(self, before: str) -> list[str]:
        """Return what the last word of ``before`` (the line up to the cursor) may become, sorted."""
        if not before.startswith("/") or "\n" in before:
            return []
        command, space, word = before.partition(" ")
        if not space:
            return [name for name in self._commands if name.startswith(command)]
        if command == "/model":
            return [name for name in self._models if name.startswith(word)]
        return _files(word) if command in _FILES else []


def model_names(client: Client) -> tuple[str, ...]:
    """Return what can be asked for: ``auto``, ``PROVIDER/auto``, ``PROVIDER/ID`` and an ID alone."""
    living = [one for one in client.models() if one.kind == "chat" and one.status != "retired"]
    named = [
        "auto",
        *(f"{one.provider}/auto" for one in living),
        *(label(one.provider, one.id) for one in living),
        *(f"{one.provider}/{one.id}" for one in living),
        *(one.id for one in living),
    ]
    return tuple(dict.fromkeys(named))


def _files(word: str) -> list[str]:
    folder, slash, begin = word.rpartition("/")
    place = Path(folder + slash).expanduser()
    try:
        found = [one for one in place.iterdir() if one.name.startswith(begin)]
    except OSError:
        return []
    return sorted(f"{folder}{slash}{one.name}{'/' if one.is_dir() else ''}" for one in found)
