"""Makes numbers and strings for a schema, with values from the prompt where they fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from shunpike_sandbox.hints import Hints
from shunpike_sandbox.patterns import example

# Whoever asks for more than this gets this much: a schema must not fill the memory.
_LONGEST = 20_000
FORMATS = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uuid": "6f1f6f0e-6f5b-4b0e-9d57-2f6a2f0c1a11",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "json-pointer": "/value",
    "relative-json-pointer": "0",
    "regex": "^value$",
    "uri-template": "https://example.com/{value}",
}


def numbers(schema: Mapping[str, Any], hints: Hints, name: str, *, whole: bool) -> Iterator[int | float]:
    """Yield numbers that may fulfil the schema, the prompt's own first."""
    said = hints.number(name)
    low, high = _bounds(schema)
    step = schema.get("multipleOf") or (1 if whole else None)
    if whole and step and float(step) != int(step):
        step = 1
    for start in (said, 1.0, low, high, 0.0):
        if start is None or math.isinf(start):
            continue
        near = min(max(start, low), high)
        for offset in (0, 1, -1):
            value = near if step is None else (math.ceil(near / step) + offset) * step
            yield int(value) if whole or float(value).is_integer() else value
    if not math.isinf(low) and not math.isinf(high):
        yield (low + high) / 2


def strings(schema: Mapping[str, Any], hints: Hints, name: str) -> Iterator[str]:
    """Yield strings that may fulfil the schema: in its format, from the prompt, by its pattern."""
    least, most = min(int(schema.get("minLength", 0)), _LONGEST), int(schema.get("maxLength", 10**6))
    form = str(schema.get("format", "")).lower()
    if form in ("email", "idn-email"):
        yield from (mail for mail in (hints.mail(), "someone@example.org", "a@b.co") if least <= len(mail) <= most)
    elif form in ("uri", "url", "iri", "uri-reference", "iri-reference"):
        yield hints.link()
    elif form in FORMATS:
        said = hints.named(name)
        yield FORMATS[form] if said is None or form != "date" or not _is_date(said) else said
    text = hints.string(name, str(schema.get("description", "")))
    if "pattern" in schema:
        yield text
        made = example(str(schema["pattern"]), least)
        if made is not None:
            yield made
    yield (text + " -" * least)[: max(least, min(most, max(len(text), least)))][:most]


def _bounds(schema: Mapping[str, Any]) -> tuple[float, float]:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None and not isinstance(above, bool):
        low = max(low, math.nextafter(above, math.inf))
    if below is not None and not isinstance(below, bool):
        high = min(high, math.nextafter(below, -math.inf))
    return low, high


def _is_date(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()
