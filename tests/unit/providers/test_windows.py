"""The shapes of days: a window that nobody states is kept in both of its shapes."""

from __future__ import annotations

import pytest

from shunpike.ledger.grants import shapes_of
from shunpike.plugins import Host
from shunpike.types import Calendar, Limit, Rolling, Unit

DAYS = {
    "google": Calendar(period="day", zone="America/Los_Angeles"),
    "openrouter": Calendar(period="day", zone="UTC"),
    "groq": Rolling(seconds=86_400),
}
"""Provider → the shape of its days, where it states one: midnight Pacific, midnight UTC, a day without a midnight."""


def days() -> dict[str, list[Limit]]:
    host = Host.load()
    found: dict[str, list[Limit]] = {}
    for info in host.providers():
        if not info.simulated:
            limits = [one for model in host.models(info.id) for group in model.limits.values() for one in group or ()]
            found[info.id] = [one for one in limits if _is_day(one)]
    return found


def _is_day(limit: Limit) -> bool:
    return limit.window == Rolling(seconds=86_400) or (
        isinstance(limit.window, Calendar) and limit.window.period == "day"
    )


def test_every_day_is_of_the_shape_that_its_provider_states_or_of_both() -> None:
    for provider, limits in days().items():
        for limit in limits:
            stated = DAYS.get(provider)
            assert limit.shape == ("unknown" if stated is None else "stated"), f"{provider}: {limit.text}"
            assert stated is None or limit.window == stated, f"{provider}: {limit.text}"
            assert len(shapes_of(limit)) == (2 if stated is None else 1)


@pytest.mark.parametrize("provider", ["groq"])
def test_where_a_request_is_judged_by_its_cap_the_cap_is_held(provider: str) -> None:
    """Groq's refusals say "Requested": prompt and cap together."""
    models = Host.load().models(provider)
    tokens = [one for model in models for group in model.limits.values() for one in group or () if one.unit in TOKENS]
    assert tokens
    assert {one.counts for one in tokens} == {"asked"}


TOKENS = {Unit.TOTAL_TOKEN, Unit.OUTPUT_TOKEN}
