"""A commit that goes on at the server when its process has long been told that the line is dead: nothing stays held."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
import psycopg
import pytest

from shunpike.errors import StoreError
from shunpike.types import Lifetime, Unit
from shunpike_postgres import session, worker
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.stores import hold, reservation, settled

from .rig import recovered, rows, served

MONEY = hold(50, 100, Unit.USD, Lifetime())
GATE = 4711
SLOW = f"""
CREATE FUNCTION shunpike.slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.id = 'doubt' THEN PERFORM pg_advisory_xact_lock({GATE}); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON shunpike.attempts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION shunpike.slow()"""
"""Makes the commit of one attempt wait for whoever has the gate."""
Way = Callable[[PostgresStore], Awaitable[object]]


async def alone(store: PostgresStore) -> object:
    return await store.admit(reservation("doubt", time.time(), MONEY))


async def jointly(store: PostgresStore) -> object:
    return await store.database.transaction(store.admitting(reservation("doubt", time.time(), MONEY)))


@pytest.mark.parametrize("way", [alone, jointly])
async def test_an_admission_that_is_kept_after_its_line_was_given_up_is_given_back(
    postgres_url: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the process itself, while nobody asks for anything: its caller was told that nothing is held."""
    monkeypatch.setattr(worker, "HEARTBEAT", 0.05)
    async with served(postgres_url) as store:
        await store.admit(reservation("warm", time.time(), MONEY))
        await store.settle("warm", settled(time.time(), pico=0))
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(SLOW)
            other.execute("SELECT pg_advisory_lock(%s)", [GATE])
            monkeypatch.setattr(session, "PATIENCE", 0.5)
            with pytest.raises(StoreError, match="can't be reached"):
                await way(store)
            monkeypatch.setattr(session, "PATIENCE", 30.0)
            assert not await store.settle("none", settled(time.time())), "it has another line by now"
        assert rows(postgres_url, "SELECT count(*) FROM owners") == [(1,)]
        kept = "SELECT state FROM attempts WHERE id = 'doubt'"
        with anyio.fail_after(60):
            while rows(postgres_url, kept) != [("released",)]:  # noqa: ASYNC110 - the database tells nobody
                await anyio.sleep(0.02)
        assert [left.used for left in await store.remaining([MONEY], time.time())] == [0]
        await store.check()


async def test_an_admission_that_is_kept_after_its_process_closed_is_recovered(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what a dead owner holds: it must not stay held by one of whom nobody knows any more."""
    async with served(postgres_url) as other:
        await other.check()
        with psycopg.connect(postgres_url, autocommit=True) as gate:
            gate.execute(SLOW)
            gate.execute("SELECT pg_advisory_lock(%s)", [GATE])
            async with served(postgres_url) as store:
                monkeypatch.setattr(session, "PATIENCE", 0.5)
                with pytest.raises(StoreError, match="can't be reached"):
                    await alone(store)
                monkeypatch.setattr(session, "PATIENCE", 30.0)
            assert await other.recover(time.time()) == 0
        with anyio.fail_after(60):
            while rows(postgres_url, "SELECT count(*) FROM attempts") != [(1,)]:  # noqa: ASYNC110 - nobody is told
                await anyio.sleep(0.02)
        rows(postgres_url, "UPDATE owners SET dead_since = 1")
        await recovered(other)
        await other.check()
