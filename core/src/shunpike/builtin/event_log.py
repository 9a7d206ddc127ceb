"""Every event as a line of a log, through structlog: the setting ``log`` says in which form.

This module alone imports structlog, and is itself imported only where a log is wanted.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

from shunpike.clock import moment
from shunpike.hookspecs import hookimpl
from shunpike.types import Event, Money, Usage

Renderer = Callable[[Any, str, MutableMapping[str, Any]], Any]
LOGGER = "shunpike"
"""The name of the logger, where an application's own configuration of structlog decides."""
_LEVELS = {
    "attempt.failed": logging.WARNING,
    "bucket.blocked": logging.WARNING,
    "request.exhausted": logging.WARNING,
    "request.failed": logging.WARNING,
    "attempts.recovered": logging.WARNING,
    "account.frozen": logging.ERROR,
    "plugin.broken": logging.ERROR,
    "request.started": logging.DEBUG,
    "attempt.started": logging.DEBUG,
    "attempt.settled": logging.DEBUG,
}
"""Event → level; ``info`` for the others."""


class EventLog:
    """Writes each event as one entry: its name, its moment (ISO 8601, UTC), and its facts."""

    def __init__(self, write: Callable[..., Any]) -> None:
        self._write = write

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        """Write ``event``."""
        facts = facts_of(event)
        self._write(_LEVELS.get(event.name, logging.INFO), event.name, **facts)


def event_log(form: str) -> EventLog:
    """Return the observer of one form: ``json`` and ``console`` on stderr, ``app`` as the application configured it."""
    if form == "app":
        return EventLog(structlog.get_logger(LOGGER).log)
    drawn: Renderer = structlog.processors.JSONRenderer()
    if form == "console":
        drawn = structlog.dev.ConsoleRenderer(colors=False)
    return EventLog(_Lines(drawn).log)


class _Lines:
    """Writes to what is stderr at that moment: it may be another one later on."""

    def __init__(self, drawn: Renderer) -> None:
        self._drawn = drawn

    def log(self, level: int, name: str, **facts: Any) -> None:
        """Write one line, whole."""
        told = {"event": name, "level": logging.getLevelName(level).lower(), **facts}
        sys.stderr.write(f"{self._drawn(None, name, told)!s}\n")


def facts_of(event: Event) -> dict[str, Any]:
    """Return the facts of ``event`` as plain values: money as exact dollars in a text, tokens by their names."""
    found: dict[str, Any] = {}
    for name, value in event:
        if name == "name" or value is None:
            continue
        found.update(_plain(name, value))
    return found


def _plain(name: str, value: Any) -> Mapping[str, Any]:
    match value:
        case float() if name == "at" or name.endswith("_at") or name == "until":
            return {"timestamp" if name == "at" else name: moment(value).isoformat(timespec="milliseconds")}
        case Money():
            return {f"{name}_usd": str(value.dollars)}
        case Usage():
            counts = value.model_dump(exclude={"basis"}, exclude_defaults=True)
            return {**counts, "usage_basis": value.basis.value}
        case _:
            return {name: getattr(value, "value", value)}
