"""What goes wrong in plugins and can be done without: told once for each plugin, at once or when it suits."""

from __future__ import annotations

import logging
from typing import NamedTuple

from shunpike.errors import said
from shunpike.masking import masked

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


def in_words(error: BaseException) -> str:
    """Return what a stranger's code raised, ``KeyError: 'x'``, its keys masked; of a group, the first that is in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    try:
        words = said(error)
    except Exception:  # noqa: BLE001 - its words are a stranger's code too
        words = ""
    return masked(f"{type(error).__name__}: {words}" if words else type(error).__name__)
