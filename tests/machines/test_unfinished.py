"""U1: streams that are left, cut, stalled or broken, and figures that are wrong, never pass a budget.

``SHUNPIKE_STREAMS=2000`` asks so often; the default is what a quick run can afford.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.client import Client
from shunpike.errors import ShunpikeError
from shunpike_sandbox import faults
from shunpike_sandbox.catalog import Catalog, bundled
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.server import Running
from shunpike_sandbox.world import World

from .leaving import MODELS, once, settings
from .rig import open_store, recovered, run_to_the_end

PROCESSES, STREAMS = 4, int(os.environ.get("SHUNPIKE_STREAMS", "160"))
TROUBLE = (
    faults.CUT, faults.STALL, faults.HALF_JSON, faults.STREAM_ERROR, faults.LOST,
    faults.ZERO_USAGE, faults.ODD_USAGE, faults.RUNNING, faults.BILLED_ERROR,
)  # fmt: skip
BUDGET = STREAMS * 20_000_000
"""Pico-dollars: less than the worst cases of so many streams together."""


def unlimited() -> Catalog:
    """Return the sandbox's catalog without quotas: they are tried elsewhere."""
    plain, found = bundled(), {}
    for name, provider in plain.providers.items():
        models = {one: replace(model, quotas=dict.fromkeys(model.quotas, ())) for one, model in provider.models.items()}
        found[name] = replace(provider, models=models)
    return replace(plain, providers=found)


def billed(books: Mapping[str, Any]) -> int:
    return sum(int(one["billed_pico"]) + int(one["credit_pico"]) for one in books.values())


@pytest.mark.slow
async def test_u1_what_is_billed_for_unfinished_streams_stays_within_the_budget(store_url: str) -> None:
    """Four processes at seven providers, of which six answers in ten go wrong, under one budget."""
    trouble = Faults(rate=0.6, kinds=TROUBLE, seconds=0.5)
    world = World(seed=7, faults=trouble, catalog=unlimited())
    budget = f"{BUDGET / 10**12:.12f}"
    with Running(world) as running:
        words = ("many", PROCESSES, "leave", store_url, running.url, budget, STREAMS // PROCESSES)
        await anyio.to_thread.run_sync(lambda: run_to_the_end(*map(str, words), patience=60.0 + STREAMS / 2))
        books = world.books(attempts=False)
    store = open_store(store_url)
    await recovered(store)
    rows = await store.usage(0.0, 1e12)
    await store.check()
    await store.aclose()
    spent = sum(row.cost.pico for row in rows)
    sent = sum(int(one["requests"]) for one in books.values())
    print(f"{sent} sent of {STREAMS}: billed {billed(books)}, booked {spent}, budget {BUDGET}")
    for name, one in books.items():
        booked = sum(row.cost.pico for row in rows if row.provider == name)
        assert one["billed_pico"] + one["credit_pico"] <= booked, f"{name} billed more than is booked"
    assert 0 < billed(books) <= spent <= BUDGET
    assert sent > STREAMS / 4, "the budget left too little to prove anything"


ENDS_KNOWN = (None, faults.BILLED_ERROR)
"""Of these the provider states what it bills."""


@pytest.mark.slow
@pytest.mark.parametrize("provider", sorted(MODELS))
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_u2_the_ledger_is_never_below_the_bill_and_equals_it_where_the_end_is_known(
    provider: str, streamed: bool
) -> None:
    """One request for each trouble: what it is booked at, beside what the sandbox billed for it."""
    world = World(seed=3, faults=Faults(seconds=0.5), catalog=unlimited())
    with Running(world) as running:
        for fault in (None, *TROUBLE):
            if fault in faults.STREAM_ONLY and not streamed:
                continue
            world.reset()
            world.set_faults(Faults(script=(fault,), seconds=0.5))
            async with Client(settings(running.url, "1.00"), store=MemoryStore(), environ={}) as client:
                with suppress(ShunpikeError):
                    await once(client, provider, "end" if streamed else "whole")
                (row,) = await client.usage(0.0, 1e12)
            books = world.books(attempts=False)[provider]
            bill = books["billed_pico"] + books["credit_pico"]
            assert books["requests"] == 1
            assert bill <= row.cost.pico, f"{fault}: billed {bill}, booked {row.cost.pico}"
            if fault in ENDS_KNOWN and row.exact:
                assert bill == row.cost.pico, f"{fault}: billed {bill}, booked {row.cost.pico}"
            assert fault is not None or row.exact, "a good answer's end is known"
