"""F9: a ledger that can't be written, or is slow, sends nothing; when it is there again, so is the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import apsw
import pytest

import shunpike.storage.sqlite.connection as module
from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.errors import Exhausted, ShunpikeError, StoreError
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.scripted import ScriptedProvider

Way = Callable[[Client], Awaitable[object]]


def client_of(database: Path, provider: ScriptedProvider) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, provider.name)
    return Client(Settings(), host=host, store=SqliteStore(database), environ={})


async def complete(client: Client) -> object:
    return await client.complete("hello")


async def stream(client: Client) -> object:
    async with client.stream("hello") as chunks:
        return [chunk async for chunk in chunks]


async def complete_late(client: Client) -> object:
    return await client.complete("hello", timeout=0.05)


async def stream_late(client: Client) -> object:
    async with client.stream("hello", timeout=0.05) as chunks:
        return [chunk async for chunk in chunks]


def missing(database: Path) -> None:
    database.parent.rmdir()


def garbage(database: Path) -> None:
    database.write_bytes(b"no ledger " * 1_000)


def of_something_else(database: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def of_the_future(database: Path) -> None:
    async def make() -> None:
        store = SqliteStore(database)
        await store.check()
        await store.aclose()

    anyio.run(make)
    connection = apsw.Connection(str(database))
    connection.execute("INSERT INTO migrations VALUES ('ledger', 9999, 0)")
    connection.close()


def damaged(database: Path) -> None:
    of_the_future(database)
    raw = bytearray(database.read_bytes())
    raw[100:4096] = b"\xff" * 3_996
    database.write_bytes(bytes(raw))


@pytest.fixture(params=[complete, stream], ids=["whole", "streamed"])
def way(request: pytest.FixtureRequest) -> Way:
    made: Way = request.param
    return made


@pytest.mark.parametrize("broken", [missing, garbage, of_something_else, of_the_future, damaged])
async def test_f9_a_ledger_that_can_not_be_opened_sends_nothing(tmp_path: Path, way: Way, broken: object) -> None:
    database = tmp_path / "place" / "ledger.db"
    await anyio.to_thread.run_sync(database.parent.mkdir)
    await anyio.to_thread.run_sync(broken, database)  # type: ignore[arg-type]  # one of the functions above
    provider = ScriptedProvider("only")
    async with client_of(database, provider) as client:
        for _ in range(3):
            with pytest.raises(StoreError):
                await way(client)
    assert provider.backend.calls == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_f9_a_locked_ledger_sends_nothing_and_recovers(tmp_path: Path, way: Way) -> None:
    """Another program holds the file: each call fails typed; the first one after it has let go is answered."""
    provider, database = ScriptedProvider("only"), tmp_path / "ledger.db"
    async with client_of(database, provider) as client:
        await way(client)
        other = apsw.Connection(str(database))
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(2):
            with pytest.raises(StoreError, match="was locked by another program"):
                await way(client)
        assert len(provider.backend.calls) == 1
        other.execute("ROLLBACK")
        other.close()
        await way(client)
        await client.check_store()
        assert sum(row.requests for row in await client.usage(0.0, 1e12)) == 2
    assert len(provider.backend.calls) == 2


async def test_f9_a_full_disk_sends_nothing_and_recovers(tmp_path: Path, way: Way) -> None:
    provider, database = ScriptedProvider("only"), tmp_path / "ledger.db"
    async with client_of(database, provider) as client:
        await client.check_store()
        store = client.runtime.store
        assert isinstance(store, SqliteStore)
        pages = await store._write(lambda books: books._db.rows("PRAGMA max_page_count = 1")[0][0])
        sent = 0
        with pytest.raises(StoreError, match="disk is full"):
            for _ in range(200):
                sent = len(provider.backend.calls)
                await way(client)
        assert pages > 1
        rows = (await client.usage(0.0, 1e12))[0].requests
        assert len(provider.backend.calls) <= rows, "something was sent without its row"
        assert len(provider.backend.calls) - sent <= 1
        await store._write(lambda books: books._db.rows("PRAGMA max_page_count = 1000000"))
        await way(client)
        await client.check_store()


@pytest.mark.parametrize("late", [complete_late, stream_late], ids=["whole", "streamed"])
async def test_f9_what_is_admitted_after_the_deadline_is_not_sent(tmp_path: Path, late: Way) -> None:
    """The store is slower than the request may last: its late grant is not used, and nothing stays held."""
    provider, database = ScriptedProvider("only"), tmp_path / "ledger.db"
    async with client_of(database, provider) as client:
        await client.check_store()
        slow = apsw.Connection(str(database))
        slow.execute("BEGIN EXCLUSIVE")
        ends: list[ShunpikeError] = []

        async def call() -> None:
            with pytest.raises((Exhausted, StoreError)) as caught:
                await late(client)
            ends.append(caught.value)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await anyio.sleep(0.3)  # six times the timeout of the request
            slow.execute("ROLLBACK")
        slow.close()
        assert len(ends) == 1
        assert provider.backend.calls == []
        assert list(await client.usage(0.0, 1e12)) == [], "what was never sent counts as nothing, not even as a request"
