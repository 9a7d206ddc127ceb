"""Usage as providers report it, made one meaning of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.types import ABSENT, Money, Usage
from shunpike.wire.dialect import Dialect
from shunpike.wire.lenient import Stated, at, count, table

MOST_DOLLARS = 10**6
"""No single answer costs more; a larger statement is a mistake of the sender."""


def find_usage(data: Mapping[str, Any], dialect: Dialect) -> Usage:
    """Return the usage that an answer or a chunk holds, `ABSENT` where it holds none that can be read."""
    for path in dialect.usage_at:
        raw = at(data, path)
        if isinstance(raw, dict):
            usage = read_usage(raw, dialect)
            if usage is not ABSENT:
                return usage
    return ABSENT


def read_usage(raw: Mapping[str, Any], dialect: Dialect) -> Usage:
    """Return a usage whose parts fit: an impossible part is cut to its whole; without both totals it is absent."""
    prompt, completion = count(raw.get("prompt_tokens")), count(raw.get("completion_tokens"))
    if prompt is None or completion is None:
        return ABSENT
    # Some leave thoughts out of the completion and count them in the total alone; they are billed all the same.
    completion = max(completion, (count(raw.get("total_tokens")) or 0) - prompt)
    cached = min(prompt, _first(raw, dialect.cached_at))
    written = count(table(raw.get("prompt_tokens_details")).get("cache_write_tokens")) or 0
    reasoning = count(table(raw.get("completion_tokens_details")).get("reasoning_tokens")) or 0
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=min(prompt - cached, written),
        reasoning_tokens=min(completion, reasoning),
    )


def stated_cost(data: Mapping[str, Any], dialect: Dialect) -> Money | None:
    """Return the cost in dollars that the provider states, exactly; None where it states none."""
    if dialect.stated_cost is None:
        return None
    value = at(data, dialect.stated_cost)
    if isinstance(value, bool) or not isinstance(value, int | Stated):
        return None
    if not 0 <= value <= MOST_DOLLARS:  # NaN is neither
        return None
    return Money.usd(value.text if isinstance(value, Stated) else value)


def _first(raw: Mapping[str, Any], paths: tuple[str, ...]) -> int:
    for path in paths:
        found = count(at(raw, path))
        if found is not None:
            return found
    return 0
