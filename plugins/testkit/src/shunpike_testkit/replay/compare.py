"""What differs: between two requests, and between the readings of one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shunpike_testkit.replay.gemini import camel
from shunpike_testkit.replay.rebuild import NATIVE
from shunpike_testkit.replay.recording import Recording

DEFAULTS = {"stream": False, "n": 1, "candidateCount": 1, "description": ""}
"""What a provider assumes of a field that is not sent."""
EMPTY: tuple[Any, ...] = ("", [], {})
"""What is as good as not sent."""
MISSING = object()
EPOCH = 1e9
"""A larger number is a moment: readings of one answer happen at different ones."""
APART = 120.0


def request_differences(recording: Recording, sent: Any) -> list[dict[str, Any]]:
    """Return what was sent otherwise than it was recorded: ``at``, and the two values where there are any."""
    native = recording.endpoint in NATIVE
    wanted, got = (camel(recording.request), camel(sent)) if native else (recording.request, sent)
    found = _differences("", wanted or {}, got)
    return [_row(*row) for row in found if not (native and row[0] == "model") and not _is_default(*row)]


def _is_default(at: str, recorded: Any, sent: Any) -> bool:
    """Whether a recorded value says what is so without it."""
    return sent is None and (recorded in EMPTY or DEFAULTS.get(at.rpartition(".")[2], MISSING) == recorded)


def _row(at: str, recorded: Any, sent: Any) -> dict[str, Any]:
    row = {"at": at, "recorded": recorded, "sent": sent}
    return {name: value for name, value in row.items() if value is not None}


def _differences(at: str, wanted: Any, got: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        for name in sorted({*wanted, *got}):
            yield from _differences(f"{at}.{name}" if at else name, wanted.get(name), got.get(name))
    elif isinstance(wanted, list) and isinstance(got, list):
        for place in range(max(len(wanted), len(got))):
            pair = [rows[place] if place < len(rows) else None for rows in (wanted, got)]
            yield from _differences(f"{at}[{place}]", *pair)
    elif wanted != got and not _is_joined(wanted, got):
        yield at, wanted, got


def _is_joined(wanted: Any, got: Any) -> bool:
    """Whether the recorded parts of a message were sent as the text that they are together."""
    if not isinstance(wanted, list) or not isinstance(got, str):
        return False
    return got == "\n".join(str(part.get("text")) for part in wanted if isinstance(part, Mapping))


def same_reading(one: Any, other: Any) -> bool:
    """Whether two readings are equal but for the moment at which they happened."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_reading(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_reading, one, other))
    if isinstance(one, float) and isinstance(other, float) and one > EPOCH:
        return abs(one - other) < APART
    return bool(one == other)
