"""F9 on PostgreSQL: a server that is gone, slow or killed sends nothing; when it is there again, so is the client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import anyio
import psycopg
import pytest
from psycopg import AsyncConnection

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import StoreError
from shunpike.plugins import Host
from shunpike.types import Grant, Lifetime, Settings, Unit
from shunpike_postgres import connection
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.scripted import ScriptedProvider
from shunpike_testkit.stores import hold, reservation, settled

from ..postgres import DURABLE, Server  # noqa: TID252 - the tests are no package
from .rig import recovered, rows, served

MONEY = hold(10, 10**6, Unit.USD, Lifetime())
Way = Callable[[Client], Awaitable[object]]


@pytest.fixture(scope="module")
def durable() -> Iterator[Server]:
    """A server whose commits reach the disk, and which may be stopped."""
    server = Server(DURABLE)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def url(durable: Server) -> str:
    return durable.database()


@asynccontextmanager
async def stopped(server: Server, how: str = "fast") -> AsyncIterator[None]:
    """The server is down meanwhile."""
    await anyio.to_thread.run_sync(server.stop, how)
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(server.start)


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[tuple[Client, ScriptedProvider]]:
    host, provider = Host(), ScriptedProvider("only")
    host.register(builtin, "builtin")
    host.register(provider, "only")
    async with Client(Settings(), host=host, store=PostgresStore(url), environ={}) as client:
        yield client, provider


async def complete(client: Client) -> object:
    return await client.complete("hello")


async def stream(client: Client) -> object:
    async with client.stream("hello") as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("way", [complete, stream])
async def test_f9_a_server_that_is_gone_sends_nothing_and_recovers(durable: Server, url: str, way: Way) -> None:
    """Gone before the first call, and gone in between."""
    async with client_of(url) as (client, provider):
        async with stopped(durable):
            for _ in range(3):
                with pytest.raises(StoreError, match="can't be reached") as caught:
                    await way(client)
                assert "pg_isready" in str(caught.value.hint)
        await way(client)
        async with stopped(durable):
            with pytest.raises(StoreError, match="can't be reached"):
                await way(client)
        assert len(provider.backend.calls) == 1
        await way(client)
        await client.check_store()
        assert sum(row.requests for row in await client.usage(0.0, 1e12)) == 2


async def test_f9_a_database_that_is_not_there_is_named(durable: Server) -> None:
    async with client_of(durable.url("nowhere")) as (client, provider):
        with pytest.raises(StoreError, match='/nowhere can.t be reached: database "nowhere" does not exist'):
            await complete(client)
        assert provider.backend.calls == []


async def test_f9_a_locked_ledger_sends_nothing_and_recovers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOCK_TIMEOUT", 0.1)
    async with client_of(url) as (client, provider):
        await complete(client)
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE shunpike.attempts IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreError, match="was locked by another process"):
                await complete(client)
            assert len(provider.backend.calls) == 1
        await complete(client)
        assert len(provider.backend.calls) == 2


async def test_f9_a_ledger_of_a_newer_version_is_left_alone(url: str) -> None:
    async with served(url) as store:
        await store.check()
    rows(url, "INSERT INTO migrations VALUES ('ledger', 9999, now())")
    async with client_of(url) as (client, provider):
        with pytest.raises(StoreError, match="newer shunpike"):
            await complete(client)
        assert provider.backend.calls == []


async def test_a_connection_that_is_cut_keeps_what_its_process_holds(durable: Server, url: str) -> None:
    """The process is alive: it takes its attempts over, and settles them."""
    async with served(url) as store, served(url) as other:
        for name in ("a", "b"):
            assert isinstance(await store.admit(reservation(name, time.time(), MONEY)), Grant)
        cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        rows(url, f"{cut} AND application_name = 'shunpike' AND state = 'idle'")
        assert await store.settle("a", settled(time.time(), pico=4))
        assert await other.recover(time.time()) == 0
        assert await store.settle("b", settled(time.time(), pico=4))
        (row,) = await store.usage(0.0, 1e12)
        assert (row.cost.pico, row.held, row.unconfirmed) == (8, 0, 0)
        await store.check()


HOLD_AND_FORK = """
import anyio, os, sys, time
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.stores import hold, reservation

async def main():
    store = PostgresStore(sys.argv[1], guard=0.0)
    await store.admit(reservation("held", time.time(), hold(1, 9)))
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    await anyio.sleep(60)

anyio.run(main)
"""


@contextmanager
def holding(url: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds something, and the number of its forked child, which lives on."""
    with subprocess.Popen([sys.executable, "-c", HOLD_AND_FORK, url], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            yield parent, child
        finally:
            parent.kill()
            os.kill(child, signal.SIGKILL)


async def test_a_forked_child_does_not_keep_its_dead_parent_alive(url: str) -> None:
    """The child has a copy of the connection; the server must notice all the same that its owner has gone."""
    with holding(url) as (parent, child):
        async with served(url) as store:
            assert await store.recover(time.time()) == 0
            parent.kill()
            await recovered(store)
            os.kill(child, 0)
            assert [(row.requests, row.held) for row in await store.usage(0.0, 1e12)] == [(1, 0)]


@pytest.mark.parametrize("kept", [True, False], ids=["it was kept", "it was not"])
async def test_a_commit_without_an_answer_grants_nothing_and_leaves_nothing(
    url: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line goes dead while the commit is under way: the caller is told that it failed, whatever became of it."""
    plain: Any = AsyncConnection.execute
    armed: list[str] = []

    async def execute(self: AsyncConnection[Any], query: Any, *others: Any, **named: Any) -> Any:
        if query != "COMMIT" or not armed:
            return await plain(self, query, *others, **named)
        armed.clear()
        if kept:
            await plain(self, "COMMIT")
            assert self._pipeline is not None
            await self._pipeline.sync()
        await self.close()
        raise psycopg.OperationalError("the line is dead")

    monkeypatch.setattr(AsyncConnection, "execute", execute)
    async with served(url) as store:
        assert isinstance(await store.admit(reservation("a", time.time(), MONEY)), Grant)
        armed.append("now")
        with pytest.raises(StoreError, match="can't be reached"):
            await store.admit(reservation("b", time.time(), MONEY))
        armed.append("now")
        assert await store.settle("a", settled(time.time(), pico=4)) is not kept
        await recovered(store)
        (left,) = await store.remaining([MONEY], time.time())
        (row,) = await store.usage(0.0, 1e12)
        assert (left.used, row.requests, row.held, row.unconfirmed) == (4, 1, 0, 0)
        await store.check()


@pytest.mark.slow
async def test_k9_a_server_that_is_killed_loses_nothing_that_it_confirmed(durable: Server, url: str) -> None:
    """Sixteen tasks at work while the server dies as in a power cut, three times: a crash during its checkpoint too."""
    granted: dict[str, int | None] = {}
    settled_by: dict[str, int] = {}

    async def work(store: PostgresStore, lane: int, until: anyio.Event) -> None:
        number = 0
        while not until.is_set():
            number += 1
            name = f"{lane}-{number}"
            with suppress(StoreError):
                if isinstance(await store.admit(reservation(name, time.time(), MONEY)), Grant):
                    granted[name] = None
                    await store.settle(name, settled(time.time(), pico=number % 10))
                    settled_by[name] = number % 10

    async with served(url) as store:
        await store.check()
        enough = anyio.Event()
        async with anyio.create_task_group() as group:
            for lane in range(16):
                group.start_soon(work, store, lane, enough)
            for _ in range(3):
                before = len(settled_by)
                with anyio.fail_after(60):
                    while len(settled_by) < before + 100:  # noqa: ASYNC110 - the workers know nothing of this count
                        await anyio.sleep(0.01)
                with suppress(psycopg.OperationalError):
                    await anyio.to_thread.run_sync(rows, url, "CHECKPOINT")
                async with stopped(durable, "immediate"):
                    pass
            enough.set()
    async with served(url) as store:
        await recovered(store)
        await store.check()
        (left,) = await store.remaining([MONEY], time.time())
        (row,) = await store.usage(0.0, 1e12)
    found = {name: (state, cost) for name, state, cost in rows(url, "SELECT id, state, cost_pico FROM attempts")}
    assert set(granted) <= set(found), "a grant was lost: something could have been sent that nobody knows of"
    assert all(found[name] == ("settled", cost) for name, cost in settled_by.items()), "a settlement was lost"
    assert row.held == 0
    assert left.used == row.cost.pico
