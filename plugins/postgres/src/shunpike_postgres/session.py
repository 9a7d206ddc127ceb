"""The writing connection of one process, and what it knows: its name as an owner, buckets, the clock's shift."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from uuid import uuid4
from weakref import WeakSet

import psycopg
from pydantic import TypeAdapter

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.ledger.steady import REMEMBERED
from shunpike.ledger.windows import Window
from shunpike.ledger.working_set import Bucket
from shunpike.types import Limit, Reservation, Settlement, Unit
from shunpike_postgres.address import Address
from shunpike_postgres.connection import PATIENCE, Connection, connect, patience, prepare
from shunpike_postgres.feed import Feed
from shunpike_postgres.owners import sign_in, sign_out
from shunpike_postgres.shift import IGNORED, Shift, measured
from shunpike_postgres.statements import FIND_BUCKETS, MAKE_BUCKETS
from shunpike_postgres.stores import Stores
from shunpike_postgres.transaction import PostgresTransaction

MEASURE_EVERY = 60.0
"""Seconds between two looks at the database's clock."""

WINDOW: TypeAdapter[Window] = TypeAdapter(Window)


_OPEN: WeakSet[PostgresSession] = WeakSet()


class PostgresSession:
    """Opened by the writer's loop, and opened again when the connection is lost.

    Args:
        clock: This machine's.
        trusted: Whether it is everybody's; if not, all times are translated to the database's clock.

    """

    def __init__(self, address: Address, guard: float, clock: Clock, *, trusted: bool) -> None:
        self.address = address
        self.guard = guard
        self.clock = clock
        self._trusted = trusted
        self.shift = Shift()
        self.owner = uuid4().hex
        """The name of this process among the owners: it stays, whatever becomes of its connection."""
        self.number = 0
        """The number of its lock, which is another one after its connection was lost."""
        self.stores = Stores()
        self.feed = Feed(address, clock)
        self.holds: dict[str, tuple[int, ...]] = {}
        """Attempts of this process that are in flight → the buckets that they hold something of."""
        self.recovered_at: float | None = None
        self._connection: Connection | None = None
        self._measured_at = self._measured_mono = 0.0
        self._before: list[tuple[float, Shift]] = []
        """(monotonic time at which the clock was seen to be set, the shift until then)."""
        self._kinds: dict[int, tuple[str, Unit, Window]] = {}
        self._ids: dict[str, int] = {}

    @property
    def connection(self) -> Connection:
        """The writing connection."""
        if self._connection is None or self._connection.closed:
            raise psycopg.OperationalError("not connected")
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as it is known."""
        return self._connection is not None and not self._connection.closed

    def now(self) -> float:
        """Return the time that rules."""
        return self.shift.theirs(self.clock.now())

    async def open(self) -> None:
        """Connect, bring the schema up to date and sign in. Raises `psycopg.Error` and `StoreError`.

        Opened again, it goes on holding what this process held: it is alive, only its connection was lost.
        """
        connection = await connect(self.address)
        try:
            with patience(connection, PATIENCE):
                await prepare(connection)
                await self.stores.bring_up(connection, self.address)
                await self._measure(connection)
                self.number = await sign_in(connection, self.owner, self.now())
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        _OPEN.add(self)

    async def bring_up(self) -> None:
        """Bring the tables of stores up to date that were taken in since. Raises `psycopg.Error` and `StoreError`."""
        await self.stores.bring_up(self.connection, self.address)

    async def _measure(self, connection: Connection) -> None:
        if not self._trusted:
            before, self.shift = self.shift, await measured(connection, self.clock, self.address)
            if self._measured_at and abs(before.seconds - self.shift.seconds) > IGNORED:
                self._before.append((self.clock.monotonic(), before))
            self._measured_mono, self._measured_at = self.clock.monotonic(), self.clock.now()

    async def look_at_clock(self) -> None:
        """Measure again after a while, and at once where the clock was set. Raises `psycopg.Error` and `StoreError`."""
        passed = self.clock.monotonic() - self._measured_mono
        jumped = abs(self.clock.now() - self._measured_at - passed) > IGNORED
        if self.is_open and (jumped or passed > MEASURE_EVERY):
            # Where nothing was set, what was measured before still holds.
            with suppress(*(() if jumped else (StoreError,))):
                await self._measure(self.connection)

    async def close(self, doubted: int | None) -> None:
        """Sign out, unless something is still held, or may be over the line ``doubted``, and disconnect."""
        if self._connection is not None:
            if self.is_open:
                with self.patience():
                    await sign_out(self._connection, self.owner, doubted)
            await self._connection.close()

    def leave_to_parent(self) -> None:
        """Close a copy that a fork made: the session is the parent's, and its lock must end with it."""
        if self.is_open:
            os.close(self.connection.fileno())

    def asked(self, one: Reservation, shift: Shift) -> Reservation:
        """Return a reservation in the database's time: made now at the latest, whatever became of the clock since."""
        one = shift.reservation(one)
        now = self.now()
        return one if self._trusted or one.reserved_at <= now else one.model_copy(update={"reserved_at": now})

    def told(self, one: Settlement, shift: Shift) -> Settlement:
        """Return a settlement in the database's time: it is of now at the latest.

        What was noted down before the clock was set may have been so by either: the later moment counts.
        """
        one = shift.settlement(one)
        now, late = self.now(), self._late(shift)
        if self._trusted or not (late or max(one.at, one.headers_at or 0.0) > now):
            return one
        headers_at = None if one.headers_at is None else min(one.headers_at + late, now)
        return one.model_copy(update={"at": min(one.at + late, now), "headers_at": headers_at})

    def _late(self, shift: Shift) -> float:
        """Return how much later than by ``shift`` a moment of before may have been, by the clock as it was then."""
        since_mono = self.clock.monotonic() - REMEMBERED
        self._before = [one for one in self._before if one[0] >= since_mono]
        return max((0.0, *(before.seconds - shift.seconds for _, before in self._before)))

    def patience(self, seconds: float | None = None) -> AbstractContextManager[None]:
        """Cut the connection where this takes longer. Raises `psycopg.OperationalError` where there is none."""
        return patience(self.connection, PATIENCE if seconds is None else seconds)

    async def drop(self) -> None:
        """Let go of a connection that can't be relied on any more."""
        if self._connection is not None:
            await self._connection.close()

    def key_of(self, name: str) -> int | None:
        """Return the number of a bucket that was found before."""
        return self._ids.get(name)

    async def find(self, limits: dict[str, Limit], names: set[str], keys: set[int]) -> None:
        """Make the buckets of ``limits`` where they are missing; look up these, those called ``names`` and ``keys``."""
        new = {name: limit for name, limit in limits.items() if name not in self._ids}
        names = {name for name in names if name not in self._ids} | set(new)
        keys = {key for key in keys if key not in self._kinds}
        if new:
            rows = [(name, limit.unit.value, WINDOW.dump_json(limit.window).decode()) for name, limit in new.items()]
            await self.connection.execute(MAKE_BUCKETS, [list(column) for column in zip(*rows, strict=True)])
        if names or keys:
            cursor = await self.connection.execute(FIND_BUCKETS, [list(names), list(keys)])
            for key, name, unit, window in await cursor.fetchall():
                self._ids[name] = key
                self._kinds[key] = name, Unit(unit), WINDOW.validate_json(window)

    def transaction(self, connection: Connection | None = None) -> PostgresTransaction:
        """Return what work is given on ``connection``, None = the writing one. Raises `psycopg.OperationalError`."""
        return PostgresTransaction(connection or self.connection, self.address, self.owner, self.now())

    def undo(self, holds: dict[str, tuple[int, ...]]) -> None:
        """Forget what a transaction had done that was rolled back, which began with ``holds``: also buckets it made."""
        self.holds = holds
        self._ids.clear()
        self._kinds.clear()

    def bucket(self, key: int) -> Bucket:
        """Return a bucket that was found, without its figures."""
        name, unit, window = self._kinds[key]
        return Bucket(key, name, unit, window)


def _after_fork() -> None:
    for session in list(_OPEN):
        with suppress(OSError, psycopg.Error):
            session.leave_to_parent()
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
