"""The time that rolling windows run on: it passes by a clock that nobody sets, while the wall's may jump at any moment.

Steady time began as the wall's and passes with the machine's uptime, so the two differ only by what the wall clock has
been set since, which is looked at before every admission. A store keeps what ends with a rolling window in steady time,
or moves it along with the wall clock; calendars and all that people read stay on the wall's.
"""

from __future__ import annotations

from typing import NamedTuple

from shunpike.clock import Clock, Uptime, uptime_of
from shunpike.types import Settlement

IGNORED = 0.25
"""Seconds that a wall clock may be set without being noticed: the windows' guard covers them."""
REMEMBERED = 3_600.0
"""Seconds for which a moment that was noted down may be of a wall clock that was set since."""

_STEP = 1_024.0
"""Differences are kept in parts of a second that add to a moment without rounding."""
_TRIES = 5
_QUICK = 0.01


class ClockReading(NamedTuple):
    """What both clocks showed at one moment."""

    uptime: Uptime
    wall: float


def look_at(clock: Clock) -> ClockReading:
    """Read both clocks; again where this process stood still in between."""
    found: list[tuple[float, ClockReading]] = []
    for _ in range(_TRIES):
        before, wall, after = uptime_of(clock), clock.now(), uptime_of(clock)
        took = after.seconds - before.seconds
        found.append((took, ClockReading(after, wall)))
        if took < _QUICK:
            break
    return min(found)[1]


class Steady:
    """How far steady time is ahead of the wall's.

    Args:
        clock: This machine's.
        start: What steady time was when the machine's uptime began.

    """

    def __init__(self, clock: Clock, start: float) -> None:
        self._clock = clock
        self._start = start
        self.at = 0.0
        """Steady time at the last look."""
        self.wall = 0.0
        """The wall's time then."""
        self.ahead = 0.0
        """Seconds; what is within `IGNORED` counts as none."""
        self._before: list[tuple[float, float]] = []
        """(steady time at which the clock was seen to be set, how far it was ahead before)."""
        self.look()
        self._before.clear()

    def look(self) -> float:
        """Look at the clocks; return by how much the wall's has been set since the last look, mostly 0."""
        self.at, self.wall, ahead = self._measured()
        if self._before and self._before[0][0] < self.at - REMEMBERED:
            self._before.pop(0)
        if ahead == self.ahead:
            return 0.0
        before, self.ahead = self.ahead, ahead
        self._before.append((self.at, before))
        return before - ahead

    def ahead_now(self) -> float:
        """Return how far it is ahead at this moment; changes nothing, for another thread."""
        return self._measured()[2]

    def _measured(self) -> tuple[float, float, float]:
        uptime, wall = look_at(self._clock)
        at = self._start + uptime.seconds
        for near in (self.ahead, 0.0):
            if abs(at - wall - near) <= IGNORED:
                return at, wall, near
        return at, wall, round((at - wall) * _STEP) / _STEP

    def asked(self, at: float) -> float:
        """Return the moment of a reservation: of now at the latest, where the clock was set back since it was made."""
        return min(at, self.wall) if self._before else at

    def told(self, one: Settlement) -> Settlement:
        """Return a settlement whose moments are by the wall clock as it is set now.

        What was noted down before the clock was set may have been so by either: the later one counts, up to now.
        """
        if not self._before:
            return one
        headers_at = None if one.headers_at is None else self._placed(one.headers_at)
        return one.model_copy(update={"at": self._placed(one.at), "headers_at": headers_at})

    def _placed(self, at: float) -> float:
        late = max(ahead for _, ahead in self._before) - self.ahead
        return min(at + max(late, 0.0), self.wall)


def begun(clock: Clock) -> float:
    """Return the start of a steady time that begins now, as the wall's."""
    uptime, wall = look_at(clock)
    return wall - uptime.seconds
