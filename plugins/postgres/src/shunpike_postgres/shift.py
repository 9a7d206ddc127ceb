"""The clock of the database: machines disagree about the time, the one database that they share does not.

Every time that comes in is translated to the database's clock, and every time that goes out back to this machine's.
What is within `IGNORED` is left alone: the windows' guard covers it. It is measured when the connection is made and now
and then afterwards, as a clock may be set while a process runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.types import (
    Block,
    Denial,
    Factor,
    Grant,
    LimitUpdate,
    Observation,
    Remaining,
    Reopening,
    Reservation,
    Sample,
    Settlement,
    Unconfirmed,
)
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection

IGNORED = 0.25
"""Seconds of difference that the guard (1 s) covers, together with the error of measuring it."""

_LONGEST = 1.0
"""Seconds that an answer may take: the time in it is wrong by half of that at the most."""
_TRIES = 5
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::double precision"


class Shift(NamedTuple):
    """The database's clock is ``seconds`` ahead of this machine's."""

    seconds: float = 0.0

    def theirs(self, at: float) -> float:
        """Return a moment of this machine's clock as the database's shows it."""
        return at + self.seconds

    def ours(self, at: float) -> float:
        """Return a moment of the database's clock as this machine's shows it."""
        return at - self.seconds

    def reservation(self, one: Reservation) -> Reservation:
        """Return what comes in."""
        return one.model_copy(update={"reserved_at": self.theirs(one.reserved_at)}) if self.seconds else one

    def settlement(self, one: Settlement) -> Settlement:
        """Return what comes in."""
        if not self.seconds:
            return one
        return one.model_copy(
            update={
                "at": self.theirs(one.at),
                "headers_at": None if one.headers_at is None else self.theirs(one.headers_at),
                "blocks": tuple(self._block(block) for block in one.blocks),
                "limit_updates": tuple(self._limit_update(update) for update in one.limit_updates),
                "samples": tuple(self._sample(sample) for sample in one.samples),
            }
        )

    def _block(self, one: Block) -> Block:
        return one.moved(self.seconds) if self.seconds else one

    def block(self, one: Block) -> Block:
        """Return what goes out."""
        return one.moved(-self.seconds) if self.seconds else one

    def _limit_update(self, one: LimitUpdate) -> LimitUpdate:
        return one.model_copy(update={"observation": one.observation.moved(self.seconds)})

    def _sample(self, one: Sample) -> Sample:
        return one.model_copy(update={"at": self.theirs(one.at)})

    def observation(self, one: Observation) -> Observation:
        """Return what goes out."""
        return one.moved(-self.seconds) if self.seconds else one

    def factor(self, one: Factor) -> Factor:
        """Return what goes out."""
        return one.model_copy(update={"at": self.ours(one.at)}) if self.seconds else one

    def verdict(self, one: Grant | Denial) -> Grant | Denial:
        """Return what goes out."""
        if not self.seconds:
            return one
        if isinstance(one, Grant):
            return one.model_copy(update={"remaining": tuple(self.remaining(one.remaining))})
        return one.model_copy(update={"retry_at": None if one.retry_at is None else self.ours(one.retry_at)})

    def remaining(self, found: Sequence[Remaining]) -> list[Remaining]:
        """Return what goes out."""
        return [self._left(one) for one in found] if self.seconds else list(found)

    def _left(self, one: Remaining) -> Remaining:
        moments = {"resets_at": one.resets_at, "admitted_at": one.admitted_at}
        return one.model_copy(update={name: self.ours(at) for name, at in moments.items() if at is not None})

    def reopened(self, found: Sequence[Reopening]) -> list[Reopening]:
        """Return what goes out."""
        return [one.model_copy(update={"at": self.ours(one.at), "block": self.block(one.block)}) for one in found]

    def unconfirmed(self, found: Sequence[Unconfirmed]) -> list[Unconfirmed]:
        """Return what goes out."""
        return [one.model_copy(update={"at": self.ours(one.at)}) if self.seconds else one for one in found]


async def measured(connection: Connection, clock: Clock, address: Address) -> Shift:
    """Ask the database for its time, and compare it with the middle of the question. Raises `StoreError`.

    A question in whose time this process stood still, or its clock was set, says nothing: it is asked again.
    """
    for _ in range(_TRIES):
        begun, started_mono = clock.now(), clock.monotonic()
        row = await (await connection.execute(_CLOCK)).fetchone()
        ended, passed = clock.now(), clock.monotonic() - started_mono
        if row is not None and passed < _LONGEST and abs(ended - begun - passed) < IGNORED / 2:
            away = float(row[0]) - (begun + ended) / 2
            return Shift() if abs(away) < IGNORED else Shift(away)
    raise StoreError(
        f"the ledger {address} answers too slowly to tell the time by it: no answer came within {_LONGEST} s",
        hint="see how busy the database is, or how far away",
    )
