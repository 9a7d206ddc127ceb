"""What steady time the machine's uptime stands for: one row for each start of the machine, for all of its processes."""

from __future__ import annotations

from shunpike.clock import Clock
from shunpike.ledger.steady import IGNORED, Steady, look_at
from shunpike.storage.sqlite.connection import SqliteConnection

_WRITE_EVERY = 60.0
"""Seconds between two notes of how far steady time has come."""
_KEPT = 8
"""Rows: more than one is in use only where several machines take turns."""


class LedgerClock:
    """The ledger's steady time. To be made in a transaction; its row was written when that is committed."""

    def __init__(self, connection: SqliteConnection, clock: Clock) -> None:
        self._db = connection
        self._boot = look_at(clock).uptime.boot
        self._start = _start(connection, clock)
        self.steady = Steady(clock, self._start)
        self._write()

    def look(self) -> bool:
        """Look whether the wall clock was set since the last look. To be called first in every transaction."""
        was_set = self.steady.look() != 0.0
        if was_set or self.steady.at >= self._written_at + _WRITE_EVERY:
            self._write()
        return was_set

    def _write(self) -> None:
        self._written_at = self.steady.at
        row = self._boot, self._start, self.steady.at, self.steady.ahead
        self._db.rows("INSERT OR REPLACE INTO clocks (boot, start, at, ahead) VALUES (?, ?, ?, ?)", *row)
        self._db.rows("DELETE FROM clocks WHERE boot NOT IN (SELECT boot FROM clocks ORDER BY at DESC LIMIT ?)", _KEPT)


def _start(connection: SqliteConnection, clock: Clock) -> float:
    """Return what steady time was when the machine's uptime began.

    While a machine is off its uptime tells nothing: then the wall clock's word is taken, and no time has passed where
    that was set back.
    """
    uptime, wall = look_at(clock)
    rows = connection.rows("SELECT boot, start, at, ahead FROM clocks ORDER BY at DESC")
    for boot, start, at, _ in rows:
        # Where a system does not name its starts, an uptime that is less than it was tells that there was one.
        if boot == uptime.boot and start + uptime.seconds >= at - IGNORED:
            return float(start)
    now = max(float(rows[0][2]), wall + float(rows[0][3])) if rows else wall
    return now - uptime.seconds
