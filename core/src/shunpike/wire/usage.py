"""Usage as providers report it, made one meaning of."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from shunpike.errors import ProviderError
from shunpike.types import ABSENT, Basis, Bill, Money, Usage
from shunpike.wire.dialect import Dialect
from shunpike.wire.lenient import Stated, at, count, decode, string, table

Failed = TypeVar("Failed", bound=ProviderError)

MOST_DOLLARS = 10**6
"""No single answer costs more. A larger statement is read as this: it is far above what was held, so that it is booked,
and freezes the account, as any such bill."""


def find_usage(data: Mapping[str, Any], dialect: Dialect) -> Usage:
    """Return the usage that an answer or a chunk holds, `ABSENT` where it holds none that can be read."""
    usage = ABSENT
    for path in dialect.usage_at:
        raw = at(data, path)
        if isinstance(raw, dict):
            found = read_usage(raw, dialect)
            # Stated in two places, neither takes back what the other one says; zeros say nothing.
            if usage.total_tokens and found.total_tokens:
                usage = found.joined(usage)
            elif found.total_tokens or usage is ABSENT:
                usage = found
    if usage is not ABSENT and partly_stated(data, dialect):
        return usage.model_copy(update={"basis": Basis.ESTIMATED})
    return usage


def read_usage(raw: Mapping[str, Any], dialect: Dialect) -> Usage:
    """Return the usage; absent without both of its parts.

    Figures that contradict each other are read so that nothing is left out, and are an estimate.
    """
    prompt, completion = count(raw.get("prompt_tokens")), count(raw.get("completion_tokens"))
    if prompt is None or completion is None:
        return ABSENT
    total = count(raw.get("total_tokens")) or 0
    cached = _first(raw, dialect.cached_at)
    written = count(table(raw.get("prompt_tokens_details")).get("cache_write_tokens")) or 0
    reasoning = count(table(raw.get("completion_tokens_details")).get("reasoning_tokens")) or 0
    fits = total == 0 or total >= prompt + completion
    if max(cached, written) > prompt:  # A prompt that leaves out what was cached.
        fits, prompt = False, prompt + cached + written
    fits = fits and cached + written <= prompt
    # Some leave thoughts out of the completion and count them in the total alone; they are billed all the same.
    whole = max(completion, total - prompt)
    if reasoning > whole:
        fits, whole = False, completion + reasoning
    return usage_of(prompt, whole, cached, written, reasoning, fits=fits)


def usage_of(prompt: int, completion: int, cached: int, written: int, reasoning: int, *, fits: bool) -> Usage:
    """Return a usage whose parts are within their wholes; an estimate where the figures did not fit."""
    cached = min(prompt, cached)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=min(prompt - cached, written),
        reasoning_tokens=min(completion, reasoning),
        basis=Basis.MEASURED if fits else Basis.ESTIMATED,
    )


def stated_cost(data: Mapping[str, Any], dialect: Dialect) -> Money | None:
    """Return the whole cost in dollars that the provider states, exactly; None where it states none, or a part."""
    return _stated(data, dialect)[0]


def partly_stated(data: Mapping[str, Any], dialect: Dialect) -> bool:
    """Whether a cost is stated that can't be read, or is a part of it, so that only a bound of it is known."""
    return _stated(data, dialect)[1]


def _stated(data: Mapping[str, Any], dialect: Dialect) -> tuple[Money | None, bool]:
    if dialect.stated_cost is None:
        return None, False
    told = at(data, dialect.stated_cost)
    cost = _dollars(told)
    unread = cost is None and told is not None
    if dialect.own_key is None or dialect.own_key_cost is None:
        return cost, unread
    own, beside = at(data, dialect.own_key), _dollars(at(data, dialect.own_key_cost))
    if own is True:
        whole = None if cost is None or beside is None else min(cost + beside, Money.usd(MOST_DOLLARS))
        return whole, whole is None
    if own is False or (own is None and not (cost is not None and beside is not None and beside > cost)):
        return cost, unread
    if cost is None or beside is None:
        return None, True
    # It does not say whose key was billed for what the cost leaves out: both are counted, as an estimate.
    return min(cost + beside, Money.usd(MOST_DOLLARS)), True


def read_bill(data: Any, dialect: Dialect) -> Bill | None:
    """Return what a failure states of usage and cost, None where it states nothing."""
    told = table(data)
    usage, cost = find_usage(told, dialect), stated_cost(told, dialect)
    if not ((usage is not ABSENT and usage.total_tokens) or cost):
        inner = told.get("error")  # Some put the figures inside what tells of the failure.
        return read_bill(inner, dialect) if isinstance(inner, dict) else None
    tier = string(told.get("service_tier")) or None
    return Bill(usage=usage, stated_cost=cost, model=string(told.get("model")) or None, service_tier=tier)


def add_bill(error: Failed, data: Any, dialect: Dialect) -> Failed:
    """Return ``error`` with what ``data`` states; ``data`` may be a body that is no JSON."""
    if isinstance(data, bytes):
        try:
            data = decode(data, exact=dialect.exact)
        except ValueError:
            return error
    error.bill = read_bill(data, dialect) or error.bill
    return error


def _dollars(value: Any) -> Money | None:
    """Return an amount that was written as a number or as text, `MOST_DOLLARS` for a larger one; None for no amount."""
    if isinstance(value, bool) or not isinstance(value, int | Stated | str):
        return None
    if not isinstance(value, str) and value > MOST_DOLLARS:
        return Money.usd(MOST_DOLLARS)
    try:
        amount = Decimal(value.text if isinstance(value, Stated) else value)
    except ArithmeticError:
        return None
    if not amount.is_finite() or amount < 0:
        return None
    return Money.usd(min(amount, Decimal(MOST_DOLLARS)))


def _first(raw: Mapping[str, Any], paths: tuple[str, ...]) -> int:
    for path in paths:
        found = count(at(raw, path))
        if found is not None:
            return found
    return 0
