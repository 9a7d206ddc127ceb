"""How many calls an account bears at a time is a guess at first: nobody pays for it, nor fails by it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import pytest

from shunpike.errors import RateLimited
from shunpike.routing.capacity import Capacity
from shunpike.routing.concurrency import ANY, FIRST, LEAST
from shunpike.types import Billing, Price
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import answer

from .test_fall_over import client, many
from .test_health import NORTH
from .test_hedging import Paced

BUDGET: dict[str, Any] = {"allow_paid": True, "budgets": [{"amount": {"pico": 10**13}, "period": "day"}]}


@pytest.mark.parametrize("options", [{}, {"wait": False, "providers": ["free"]}])
async def test_many_at_a_time_go_where_it_is_free_as_long_as_nothing_spoke_against_it(options: dict[str, Any]) -> None:
    free, found = many("free", models=1), Counter[str]()
    paid = many("paid", models=1, billing=Billing.CARD, price=Price.per_million("1", "2"))
    async with client(free, paid, **BUDGET) as opened:
        for one in (free, paid):
            one.backend = Paced([answer(one.name)], 1.0)
            one.backend.client = opened

        async def complete() -> None:
            found[(await opened.complete("hello", **options)).provider] += 1

        async with anyio.create_task_group() as group:
            for _ in range(3 * FIRST):
                group.start_soon(complete)
    assert found == {"free": 3 * FIRST}


def test_what_was_seen_is_kept_to_by_all() -> None:
    clock = VirtualClock()
    capacity = Capacity(clock)
    assert (capacity.concurrency(NORTH), capacity.concurrency(NORTH, guess=False)) == (FIRST, ANY)
    began_mono = clock.monotonic()
    clock.advance(1.0)
    capacity.failed(NORTH, RateLimited("too many", provider="north", status=429), 3, began_mono)
    assert LEAST <= capacity.concurrency(NORTH, guess=False) == capacity.concurrency(NORTH) < FIRST
