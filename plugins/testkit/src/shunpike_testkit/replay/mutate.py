"""Breaks answers in the ways in which wires, proxies and careless servers break them."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 10**400, -(10**30), 0.5, -0.5, 1e308, float("nan"), float("inf"),
    "", "0", "NaN", "null", "\ud800", "\udfff", "\u0000", "🏔️", "a" * 5000, "1e999", "-5", "9" * 300, "[DONE]",
    "https://example.com/a", "2026-11-22T00:00:00Z", "22s", [], {}, [[]], [{}], [None], {"": None}, [1, "a", None, {}],
    {"message": "no", "code": 429}, [{"index": -1}], [{"index": 10**12, "id": 7, "function": {"name": 5}}],
)  # fmt: skip
"""Values that stand where another kind of value is expected."""
DEEP = (50, 900, 3_000, 60_000)
"""Levels of nesting: harmless, near the interpreter's bound, beyond it."""
HEADERS = (
    "retry-after", "retry-after-ms", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-limit", "x-ratelimit-reset", "content-type",
    "x-request-id", "content-encoding",
)  # fmt: skip
VALUES = (
    "", "0", "-1", "soon", "NaN", "inf", "1e400", "9" * 400, "1m", "6m0s", "0x10", "1,000", "\xff\xfe", "2" * 13,
    "Wed, 31 Feb 2026 99:99:99 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "application/json", "text/event-stream",
    "text/html", "application/octet-stream", "a" * 5000, "gzip", "br", "1s1s1s", "٣",
)  # fmt: skip
STATUSES = (200, 200, 200, 200, 201, 204, 301, 400, 401, 402, 403, 404, 413, 422, 429, 429, 498, 500, 503, 529, 599)


def mutated_body(body: bytes, random: Random) -> bytes:
    """Return ``body``, broken in one to three ways; more often than not it stays JSON, with odd values in it."""
    if random.random() < 0.6:
        return _other_values(body, random)
    for _ in range(random.randint(1, 3)):
        body = random.choice(WAYS)(body, random)
    return body


def mutated_headers(headers: dict[str, str], random: Random) -> dict[str, str]:
    """Return ``headers``, some of them with values that nobody should send."""
    found = dict(headers)
    for _ in range(random.choice((0, 0, 1, 3))):
        found[random.choice(HEADERS)] = random.choice(VALUES)
    return found


def _bits(body: bytes, random: Random) -> bytes:
    data = bytearray(body or b"\0")
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randint(0, len(body))]


def _without(body: bytes, random: Random) -> bytes:
    start = random.randint(0, len(body))
    return body[:start] + body[start + random.randint(0, 200) :]


def _twice(body: bytes, random: Random) -> bytes:
    start = random.randint(0, len(body))
    end = start + random.randint(0, 300)
    return body[:end] + body[start:]


def _inserted(body: bytes, random: Random) -> bytes:
    place = random.randint(0, len(body))
    return body[:place] + random.randbytes(random.randint(1, 40)) + body[place:]


def _deep(body: bytes, random: Random) -> bytes:
    levels, opening, closing = random.choice(DEEP), *random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nest = opening * levels + (closing * levels if random.random() < 0.5 else b"")
    place = body.find(b":", random.randint(0, len(body))) + 1
    return body[:place] + nest + body[place:]


def _other_values(body: bytes, random: Random) -> bytes:
    """Replace values inside the JSON, wherever in the body it stands."""
    lines = body.split(b"\n")
    whole = _changed(body, random)
    if whole is not None:
        return whole
    for place in random.sample(range(len(lines)), min(3, len(lines))):
        head, _, rest = lines[place].partition(b"{")
        found = _changed(b"{" + rest, random) if rest else None
        if found is not None:
            lines[place] = head + found
    return b"\n".join(lines)


def _changed(text: bytes, random: Random) -> bytes | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for _ in range(random.randint(1, 4)):
        data = _replace(data, random)
    return json.dumps(data).encode()


def _replace(data: Any, random: Random) -> Any:
    """Return ``data`` with one value at a random depth replaced, doubled or gone."""
    if not isinstance(data, dict | list) or not data or random.random() < 0.1:
        return deepcopy(random.choice(ODD))
    place = random.choice(list(data) if isinstance(data, dict) else range(len(data)))
    chance = random.random()
    if chance < 0.1:
        del data[place]
    elif chance < 0.15 and isinstance(data, list):
        data.append(deepcopy(data[place]))
    elif chance < 0.2 and isinstance(data, dict):
        data[str(random.choice(ODD))[:50]] = data.pop(place)
    else:
        data[place] = _replace(data[place], random)
    return data


Way = Callable[[bytes, Random], bytes]
WAYS: tuple[Way, ...] = (
    _bits, _cut, _without, _twice, _inserted, _deep, _other_values, _other_values, _other_values, _other_values,
)  # fmt: skip
