"""What ``doctor`` finds: one line for each thing that it looked at."""

from __future__ import annotations

from enum import StrEnum

from shunpike.errors import ShunpikeError
from shunpike.types.base import Record


class Level(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(Record):
    """One thing that was looked at."""

    section: str
    level: Level
    text: str
    hint: str | None = None


def found(section: str, level: Level, text: str, hint: str | None = None) -> Finding:
    """Return one finding."""
    return Finding(section=section, level=level, text=text, hint=hint)


def broken(section: str, error: ShunpikeError) -> Finding:
    """Return an error as a finding."""
    return found(section, Level.PROBLEM, error.message, error.hint)
