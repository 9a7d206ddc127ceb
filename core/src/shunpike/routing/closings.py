"""What is closed, place by place: how failures close it, who tests it, and what others are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shunpike.clock import Clock
from shunpike.routing.breaker import FAILURES, FORGIVEN, TEST_LEASE, TESTED_FOR, Growth, closed_for
from shunpike.routing.shared_health import TOLD, Closed, Place, bucket_of, heard_of, told_of
from shunpike.routing.trouble import Setback
from shunpike.types import Block

_ROUNDING = 1e-3
"""Seconds by which a moment may differ that went to a store, on whose clock it is another one, and came back."""


class Closings:
    """Places that are closed, or that fail, too seldom as yet to be closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.known: dict[Place, Closed] = {}
        self._untold: set[Place] = set()
        """What was closed since others were told."""
        self._over: set[str] = set()
        """Buckets of what was opened since others were told."""
        self._well_at: dict[str, float] = {}
        """Bucket → when it was seen to be well: what was said of it before is over."""
        self._times: dict[Place, tuple[int, float]] = {}
        """Place → how often failures in a row had closed it until it was well again, and when it was."""

    def fail(self, place: Place, told: Setback, begun: float, named: float | None, *, least: int = 1) -> Closed:
        """Count a failure of an attempt that began at ``begun``; it closes the place at `FAILURES`, or once ``named``.

        Args:
            least: So many in a row that it counts as, at least.

        """
        now, known = self._clock.now(), self.known.get(place)
        if known is not None and known.shut and begun <= known.closed_at:
            # One that had begun before it was closed is of the same trouble, not of a further one.
            return self._named_later(place, known, named)
        failures = max(least, 1 if known is None else known.failures + 1)
        times, away = self._closed_before(place) if known is None else known.times, 0.0
        if failures >= FAILURES:
            times += 1
            away = closed_for(times)
        found = Closed(now + away, now, failures, told.kind, told.reason, told.cause, hint=told.hint, times=times)
        found.opens_mono = self._clock.monotonic() + away
        self._no_earlier(found, known)
        if named is not None:
            found.named_at = named
            if named > found.opens_at:
                found.opens_at, found.opens_mono = named, float("inf")
        found.shut = found.opens_at > now
        return self._keep(place, found)

    def _named_later(self, place: Place, known: Closed, named: float | None) -> Closed:
        """Return what is known of a closed place, which opens no earlier than ``named``."""
        if named is None or named <= known.opening(self._clock):
            return known
        return self._keep(place, replace(known, opens_at=named, opens_mono=float("inf"), named_at=named))

    def close(self, place: Place, told: Setback, growth: Growth, begun: float) -> Closed:
        """Close a place at once, for longer with each failure in a row of attempts that began after the last."""
        now, known = self._clock.now(), self.known.get(place)
        failures = 1 if known is None else known.failures + (begun > known.closed_at)
        away = growth.after(failures)
        found = Closed(now + away, now, failures, told.kind, told.reason, told.cause, hint=told.hint)
        found.opens_mono = self._clock.monotonic() + away
        self._no_earlier(found, known)
        return self._keep(place, found)

    def _no_earlier(self, found: Closed, known: Closed | None) -> None:
        """Keep to what was closed for longer, unless a test of it just failed."""
        if known is None or known.tested_until_mono is not None:
            return
        opening = known.opening(self._clock)
        if opening > found.opens_at:
            found.opens_at, found.opens_mono, found.named_at = opening, known.opens_mono, known.named_at

    def _keep(self, place: Place, found: Closed) -> Closed:
        self.known[place] = found
        if found.cause in TOLD:
            self._untold.add(place)
        return found

    def open(self, place: Place) -> None:
        """What was closed there is over."""
        known = self.known.pop(place, None)
        if known is None:
            return
        now = self._clock.now()
        if known.times:
            self._times[place] = known.times, now
        if known.cause in TOLD:
            bucket = bucket_of(place)
            self._untold.discard(place)
            self._over.add(bucket)
            self._well_at[bucket] = now

    def is_since(self, place: Place, begun: float) -> bool:
        """Return whether a place was closed after an attempt had begun that is no test of it."""
        known = self.known.get(place)
        return known is not None and known.tested_until_mono is None and begun <= known.closed_at

    def _closed_before(self, place: Place) -> int:
        """Return how often it was closed before it was well for a while, less what that is forgiven for."""
        times, since = self._times.pop(place, (0, 0.0))
        return max(times - int(max(self._clock.now() - since, 0.0) // FORGIVEN), 0) if times else 0

    def waits(self, one: Closed) -> bool:
        """Return whether nothing may be sent there now; of what is being tested, it may be looked at a little later."""
        if not one.shut:
            return False
        now = self._clock.now()
        if one.opening(self._clock) > now:
            return True
        if one.tested_until_mono is None or self._clock.monotonic() >= one.tested_until_mono:
            return False
        self._look_later(one, now)
        return True

    def test(self, one: Closed) -> None:
        """Let one request test it, while the others stay away."""
        one.tested_until_mono = self._clock.monotonic() + TEST_LEASE
        self._look_later(one, self._clock.now())

    def _look_later(self, one: Closed, now: float) -> None:
        one.opens_at, one.opens_mono = now + TESTED_FOR, self._clock.monotonic() + TESTED_FOR

    def untest(self, place: Place) -> None:
        """Note that the test told nothing: another may test it."""
        known = self.known.get(place)
        if known is not None and known.tested_until_mono is not None:
            known.tested_until_mono, known.opens_at = None, self._clock.now()

    def news(self) -> tuple[tuple[Block, ...], tuple[str, ...]]:
        """Return what others are to be told, once: what is closed or counted, and buckets of what is well."""
        if not (self._untold or self._over):
            return (), ()
        closes = tuple(told_of(place, self.known[place]) for place in sorted(self._untold))
        opens = tuple(sorted(self._over - {one.bucket for one in closes}))
        self._untold.clear()
        self._over.clear()
        return closes, opens

    def booked(self, place: Place, at: float) -> None:
        """Note that the store has what was told of a place at a moment."""
        known = self.known.get(place)
        if known is not None and known.closed_at == at:
            known.booked_mono = self._clock.monotonic()

    def hear(self, heard: Mapping[Place, Block], read_mono: float, renewed: Mapping[Place, float]) -> None:
        """Take in what the store has: what others found, and that what it had was opened by somebody.

        Args:
            renewed: Place → until when what was said of it is over.

        """
        for place, known in list(self.known.items()):
            seen = known.booked_mono is not None and known.booked_mono < read_mono
            # Once time has taken it from the store, nobody opened it.
            if seen and place not in heard and told_of(place, known).until > self._clock.now():
                del self.known[place]
        for place, block in heard.items():
            ours = self.known.get(place)
            well = max(self._well_at.get(block.bucket, 0.0), renewed.get(place, 0.0))
            if block.at > (well if ours is None else ours.closed_at) + _ROUNDING:
                self.known[place] = heard_of(place, block, read_mono)
