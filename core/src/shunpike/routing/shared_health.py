"""What one process found in trouble, as others are told of it: a block in the store for each place.

It says from when on the place is asked again, after how many failures in a row: at once where they are too few to
close it. It is kept a while longer, so that whoever fails there next counts on. A key goes by its fingerprint. Nobody's
admission waits for such a block: each process looks at those that there are every few seconds, and may test a place
once its time has come.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from shunpike.clock import Clock
from shunpike.routing.breaker import FAILURES
from shunpike.routing.trouble import TroubleScope
from shunpike.types import Block, Cause
from shunpike.types.trouble import bucket_in_trouble, place_in_trouble

REMEMBERED = 600.0
"""Seconds for which failures in a row are remembered after the place could be asked again."""
LONGEST = 3_600.0
"""Seconds after which another process asks again at the latest, whatever moment a provider named."""
TOLD = frozenset({Cause.TROUBLE, Cause.KEY})
"""What other processes are told: limits and quotas are the ledger's own, and what a model lacks is found at once."""

_DRIFT = 1.0
"""Seconds by which the two clocks may come apart and be of one mind."""

Place = tuple[TroubleScope, str]


@dataclass
class Closed:
    """A place that is closed, as a process knows it. Times are epoch seconds."""

    opens_at: float
    closed_at: float
    failures: int
    kind: str
    reason: str
    cause: Cause | None
    named_at: float = 0.0
    """The moment that the provider named, to be told; it is the ledger that keeps to it."""
    hint: str | None = None
    shut: bool = True
    """Whether it keeps anybody away; fewer failures in a row than close a place are only counted."""
    times: int = 0
    """How often failures in a row closed it, lately."""
    tested_until_mono: float | None = None
    """Until when at most one request is testing it, which is why the others stay away; None = none is."""
    booked_mono: float | None = None
    """When the store was known to have it."""
    opens_mono: float = float("inf")
    """When the time to stay away is over, whatever becomes of the wall clock; never for a moment that was named."""

    def is_suspected(self, now: float) -> bool:
        """Return whether it is closed since it failed, and nobody named a moment: it may be well."""
        return self.cause is Cause.TROUBLE and self.named_at <= now

    def opening(self, clock: Clock) -> float:
        """Return when it opens, epoch seconds: a wall clock that was set back keeps nothing closed for longer."""
        late = self.opens_at - clock.now() - (self.opens_mono - clock.monotonic())
        return self.opens_at - late if late > _DRIFT else self.opens_at


def bucket_of(place: Place) -> str:
    """Return the bucket of a place: it begins with the provider, or the section, that a person calls it by."""
    scope, name = place
    mark = "/" if scope is TroubleScope.MODEL else " "
    owner, _, rest = name.partition(mark)
    return bucket_in_trouble(owner, scope.value, rest)


def place_of(bucket: str) -> Place | None:
    """Return the place of `bucket_of`, None for any other bucket."""
    found = place_in_trouble(bucket)
    if found is None or found[1] not in set(TroubleScope):
        return None
    owner, scope, name = found[0], TroubleScope(found[1]), found[2]
    if scope is TroubleScope.ACCOUNT:
        return scope, owner
    return scope, f"{owner}{'/' if scope is TroubleScope.MODEL else ' '}{name}"


def told_of(place: Place, known: Closed) -> Block:
    """Return what others are told of ``known``."""
    asked = min(known.opens_at, known.closed_at + LONGEST)
    return Block(
        bucket=bucket_of(place),
        until=asked + REMEMBERED,
        test_at=asked,
        reason=known.reason,
        at=known.closed_at,
        origin=f"process {os.getpid()}",
        failures=known.failures,
        kind=known.kind,
    )


def heard_of(place: Place, block: Block, read_mono: float) -> Closed:
    """Return what another process, or an earlier one, told."""
    until = block.until if block.test_at is None else block.test_at
    cause = Cause.KEY if place[0] is TroubleScope.KEY else Cause.TROUBLE
    return Closed(
        until,
        block.at,
        block.failures,
        block.kind,
        block.reason,
        cause,
        shut=until > block.at,
        times=max(block.failures - FAILURES + 1, 0),
        booked_mono=read_mono,
        opens_mono=read_mono + LONGEST,
    )
