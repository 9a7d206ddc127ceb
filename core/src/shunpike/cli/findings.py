"""What ``doctor`` finds: one line for each thing that it looked at."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from shunpike.errors import ShunpikeError
from shunpike.types.base import Record


class Level(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Figure(Record):
    """Something that a catalog states, and the day (UTC) on which it was seen."""

    what: str
    seen_on: date
    source: str


class Finding(Record):
    """One thing that was looked at."""

    section: str
    level: Level
    text: str
    hint: str | None = None
    figures: tuple[Figure, ...] = ()
    """Where it is about dated figures: each of them."""


def found(section: str, level: Level, text: str, hint: str | None = None) -> Finding:
    """Return one finding."""
    return Finding(section=section, level=level, text=text, hint=hint)


def broken(section: str, error: ShunpikeError) -> Finding:
    """Return an error as a finding."""
    return found(section, Level.PROBLEM, error.message, error.hint)
