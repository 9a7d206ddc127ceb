"""What is known of an attempt beside its figures stands in its row, in both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Calendar, Chunk, Rolling, Settings, Settlement, State
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer
from shunpike_testkit.stores import hold, reservation

COLUMNS = "principal, arm, seconds, first_token_seconds, finish_reason, system_fingerprint"
MINUTE, DAY = hold(1, 9), hold(1, 9, window=Calendar(period="day"))


def rows(store: SqliteStore | PostgresStore, sql: str) -> list[Any]:
    if isinstance(store, SqliteStore):
        return apsw.Connection(str(store.path)).execute(sql).fetchall()
    with psycopg.connect(store.address.conninfo, options="-c search_path=shunpike") as server:
        return list(server.execute(sql))  # type: ignore[call-overload]  # a constant of the test


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> SqliteStore | PostgresStore:
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "ledger.db", clock=clock)
    return PostgresStore(request.getfixturevalue("postgres_url"), clock=clock, trust_clock=True)


async def test_who_asked_how_long_it_took_and_how_it_ended_are_kept(store: SqliteStore | PostgresStore) -> None:
    clock = VirtualClock()
    asked = reservation("a", clock.now(), MINUTE).model_copy(update={"principal": "ann", "arm": "b"})
    await store.admit(asked)
    end = Settlement(
        state=State.SETTLED,
        at=clock.now(),
        seconds=1.5,
        first_token_seconds=0.25,
        finish_reason="stop",
        system_fingerprint="fp_1",
    )
    await store.settle("a", end)
    await store.aclose()
    assert rows(store, f"SELECT {COLUMNS} FROM attempts") == [("ann", "b", 1.5, 0.25, "stop", "fp_1")]  # noqa: S608


async def test_the_last_admission_to_a_bucket_is_known_to_whoever_asks_next(store: SqliteStore | PostgresStore) -> None:
    clock = VirtualClock()
    assert isinstance(MINUTE.limit.window, Rolling)
    for number in range(3):
        await store.admit(reservation(f"a{number}", clock.now() + number, MINUTE, DAY))
        await store.settle(f"a{number}", Settlement(state=State.SETTLED, at=clock.now() + number))
    assert [left.admitted_at for left in await store.remaining([MINUTE, DAY], clock.now() + 9)] == [clock.now() + 2] * 2
    await store.aclose()


async def test_what_is_left_of_more_limits_than_one_statement_asks_for(store: SqliteStore | PostgresStore) -> None:
    clock = VirtualClock()
    many = [hold(1, 9, bucket=f"limit-{number}") for number in range(250)]
    await store.admit(reservation("a", clock.now(), *many[::2]))
    assert [left.used for left in await store.remaining([*many, many[0]], clock.now())] == [1, 0] * 125 + [1]
    assert await store.remaining([], clock.now()) == []
    await store.aclose()


@pytest.mark.parametrize("way", ["complete", "stream"])
async def test_a_call_leaves_its_seconds_how_it_ended_and_the_state_of_the_model(
    store: SqliteStore | PostgresStore, clock: VirtualClock, way: str
) -> None:
    host = Host()
    host.register(builtin, "builtin")
    said = answer("fine").model_copy(update={"system_fingerprint": "fp_1"})
    parts = [Chunk(text="fine", system_fingerprint="fp_1"), Chunk(finish_reason="stop", usage=said.usage)]
    host.register(ScriptedProvider("north", said if way == "complete" else parts), "north")
    async with Client(Settings(), host=host, clock=clock, store=store, environ={}) as client:
        if way == "complete":
            await client.complete("hi")
        else:
            async with client.stream("hi") as stream:
                assert [chunk.text async for chunk in stream] == ["fine", ""]
    asked = "SELECT seconds, finish_reason, system_fingerprint FROM attempts"
    assert rows(store, asked) == [(0.0, "stop", "fp_1")]


async def test_a_stream_that_was_left_leaves_the_state_of_the_model(
    store: SqliteStore | PostgresStore, clock: VirtualClock
) -> None:
    host = Host()
    host.register(builtin, "builtin")
    host.register(ScriptedProvider("north", [Chunk(text="fi", system_fingerprint="fp_1"), Chunk(text="ne")]), "north")
    async with Client(Settings(), host=host, clock=clock, store=store, environ={}) as client:
        async with client.stream("hi") as stream:
            assert (await anext(stream)).text == "fi"
    assert rows(store, "SELECT finish_reason, system_fingerprint FROM attempts") == [(None, "fp_1")]
