"""The facts of an event as attributes, which are plain values only."""

from __future__ import annotations

from shunpike.types import Event

_TOLD_BY_THE_SPAN = frozenset({"name", "at", "request_id"})


def facts_of(event: Event) -> dict[str, str | bool | int | float]:
    """Return what ``event`` tells beside its name, its moment and its request."""
    found: dict[str, str | bool | int | float] = {}
    for name, value in event:
        if name in _TOLD_BY_THE_SPAN or value is None:
            continue
        plain = getattr(value, "value", value)
        found[f"shunpike.{name}"] = plain if isinstance(plain, str | bool | int | float) else str(plain)
    return found
