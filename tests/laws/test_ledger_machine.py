"""No limit is overstepped and no budget passed, however things interleave: the state machine on both stores."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike_testkit.store_machine import store_machine

MACHINE = settings(
    stateful_step_count=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

TestMemoryMachine = store_machine(lambda place, clock: MemoryStore(), persistent=False).TestCase
TestMemoryMachine.settings = settings(MACHINE, max_examples=80)

TestSqliteMachine = store_machine(lambda place, clock: SqliteStore(place / "ledger.db", clock=clock)).TestCase
TestSqliteMachine.settings = settings(MACHINE, max_examples=25)
