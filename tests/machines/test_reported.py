"""Defects that were found while the machines were built, each by the test that showed it."""

from __future__ import annotations

from pathlib import Path

import anyio
import apsw
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.errors import Exhausted, StoreError
from shunpike.plugins import Host
from shunpike.types import Billing, Budget, Money, Price, Settings, Unit
from shunpike_testkit.scripted import ScriptedProvider
from shunpike_testkit.stores import reservation


@pytest.mark.parametrize("billing", [Billing.CREDIT, Billing.CARD])
async def test_what_is_left_of_money_stands_among_the_limits(billing: Billing) -> None:
    host = Host()
    host.register(builtin, "builtin")
    host.register(ScriptedProvider("only", billing=billing, price=Price.per_million("1", "2")), "only")
    budget = Budget(amount=Money.usd("1"), period="lifetime")
    settings = Settings(store="memory:", allow_paid=True, budgets=(budget,))
    async with Client(settings, host=host, environ={}) as client:
        await client.complete("hello")
        units = {left.limit.unit for _, left in await client.limits()}
    assert Unit.USD in units


async def test_what_was_never_sent_for_lack_of_time_costs_nothing(tmp_path: Path) -> None:
    """The ledger was locked for longer than the request might last; nothing left, yet the worst case stays booked."""
    provider = ScriptedProvider("only", billing=Billing.CARD, price=Price.per_million("1", "2"))
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, "only")
    budget = Budget(amount=Money.usd("1"), period="lifetime")
    settings = Settings(allow_paid=True, budgets=(budget,))
    store = SqliteStore(tmp_path / "ledger.db")
    async with Client(settings, host=host, store=store, environ={}) as client:
        await client.check_store()
        slow = apsw.Connection(str(store.path))
        slow.execute("BEGIN EXCLUSIVE")

        async def late() -> None:
            with pytest.raises((Exhausted, StoreError)):
                await client.complete("hello", timeout=0.05)

        async with anyio.create_task_group() as group:
            group.start_soon(late)
            await anyio.sleep(0.3)
            slow.execute("ROLLBACK")
        slow.close()
        assert provider.backend.calls == []
        assert sum(row.cost.pico for row in await client.usage(0.0, 1e12)) == 0


async def test_each_task_gets_an_error_of_its_own(tmp_path: Path) -> None:
    await anyio.to_thread.run_sync((tmp_path / "ledger.db").write_bytes, b"no ledger " * 1_000)
    store = SqliteStore(tmp_path / "ledger.db")
    errors: list[StoreError] = []

    async def ask(number: int) -> None:
        with pytest.raises(StoreError) as caught:
            await store.admit(reservation(f"a{number}", 0.0))
        errors.append(caught.value)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
    await store.aclose()
    assert len({id(error) for error in errors}) == 20
