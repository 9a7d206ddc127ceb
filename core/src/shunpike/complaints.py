"""What goes wrong in plugins and can be done without: told once for each plugin, at once or when it suits."""

from __future__ import annotations

import logging
from typing import NamedTuple

from shunpike.errors import in_words

_LOG = logging.getLogger("shunpike")


class Complaint(NamedTuple):
    """One plugin's hook or object, and what it raised, in words."""

    plugin: str
    hook: str
    error: str


class Complaints:
    """Writes each to the log at once, or keeps it for whoever takes it."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._kept: list[Complaint] | None = None

    def keep(self) -> None:
        """Write nothing from here on: someone takes them, when nothing else is being written."""
        self._kept = []

    def take(self) -> tuple[Complaint, ...]:
        """Return what was kept since the last time."""
        kept = tuple(self._kept or ())
        if kept:
            self._kept = []
        return kept

    def note(self, plugin: str, hook: str, error: BaseException) -> bool:
        """Tell of ``error``, unless this plugin was complained of before; return whether it was told."""
        if plugin in self._told:
            return False
        self._told.add(plugin)
        if self._kept is not None:
            self._kept.append(Complaint(plugin, hook, in_words(error)))
            return True
        _LOG.warning("the plugin %s failed in %s: %s", plugin, hook, in_words(error))
        return True
