"""Values of a Messages body, each checked where it is read: what can't be is rejected by the name of its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shunpike.validation import shown
from shunpike_gateway.exchange import RejectedBody

Json = dict[str, Any]


def wrong(place: str, expected: str, value: object) -> RejectedBody:
    """Return what rejects ``value``, which stands at ``place``."""
    got = f"a {type(value).__name__}" if isinstance(value, Mapping | list) else shown(value)
    return RejectedBody(f"{place}: expected {expected}, got {got}", param=place)


def missing(place: str) -> RejectedBody:
    """Return what rejects a body without ``place``."""
    return RejectedBody(f"{place}: Field required", param=place, code="missing_required_parameter")


def text(row: Mapping[str, Any], name: str, place: str) -> str:
    """Return the text at ``name``. Raises `RejectedBody` where there is none."""
    value = row.get(name)
    if value is None:
        raise missing(f"{place}.{name}")
    if not isinstance(value, str):
        raise wrong(f"{place}.{name}", "a text", value)
    return value


def table(value: Any, place: str) -> Mapping[str, Any]:
    """Return an object. Raises `RejectedBody` for anything else."""
    if not isinstance(value, Mapping):
        raise wrong(place, "an object", value)
    return value


def blocks(content: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield place and block of each part of a content, which may be a text. Raises `RejectedBody`."""
    if isinstance(content, str):
        yield place, {"type": "text", "text": content}
        return
    if not isinstance(content, Sequence):
        raise wrong(place, "a text or a list of content blocks", content)
    for number, block in enumerate(content):
        where = f"{place}.{number}"
        yield where, {"type": "text", "text": block} if isinstance(block, str) else table(block, where)


def number(body: Mapping[str, Any], name: str) -> float | None:
    """Return the number at ``name``, None where there is none. Raises `RejectedBody`."""
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise wrong(name, "a number", value)
    return value


def whole(body: Mapping[str, Any], name: str) -> int | None:
    """Return the whole number at ``name``, None where there is none. Raises `RejectedBody`."""
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise wrong(name, "a whole number", value)
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return the yes or no at ``name``, no where there is none. Raises `RejectedBody`."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong(name, "true or false", value)
    return bool(value)
