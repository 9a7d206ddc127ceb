"""No limit is overstepped and no budget passed, however things interleave: the state machine on every store."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.clock import Clock
from shunpike.protocols import Store
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.store_machine import store_machine

from ..postgres import Server  # noqa: TID252 - the tests are no package

MACHINE = settings(
    stateful_step_count=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


class Served:
    """Stores on a server. Each run of the machine has a place of its own, and begins with an empty database."""

    server: Server
    place: Path | None = None
    url = ""

    @classmethod
    def open(cls, place: Path, clock: Clock) -> Store:
        if place != cls.place:
            cls.place, cls.url = place, cls.server.emptied()
        return PostgresStore(cls.url, clock=clock, trust_clock=True)


@pytest.fixture(autouse=True, scope="module")
def _server(postgres: Server) -> None:
    Served.server = postgres


TestMemoryMachine = store_machine(lambda place, clock: MemoryStore(), persistent=False).TestCase
TestMemoryMachine.settings = settings(MACHINE, max_examples=80)

TestSqliteMachine = store_machine(lambda place, clock: SqliteStore(place / "ledger.db", clock=clock)).TestCase
TestSqliteMachine.settings = settings(MACHINE, max_examples=25)

TestPostgresMachine = store_machine(Served.open).TestCase
TestPostgresMachine.settings = settings(MACHINE, max_examples=25)
