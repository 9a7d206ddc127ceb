"""Windows that are shorter than listed: what answers show of how long the window of a request limit is at most.

A reset that is stated nearer than a listed window proves nothing: a fixed window may be near its end, a token bucket
states when it will be full. What proves it is what was *given back*: between two answers, what the second said was left
and our own requests since the first, less what the first said was left. With a limit of L over a window of W seconds,

| the shape    | allows                                            | so that W is at most                              |
| ------------ | ------------------------------------------------- | ------------------------------------------------- |
| rolling      | our own requests of the last W seconds and what   | the time since the oldest of our latest requests  |
|              | is left to make L together                        | that make more than L with what is left           |
| token bucket | L/W a second to be given back, and one more by    | L times the time between two answers, by one less |
|              | rounding                                          | than what was given back between them             |
| fixed, at    | something to be given back at one moment in W     | the time from before one such moment to after the |
| any phase    | seconds, and no more than L                       | next, or that in which more than L was given back |

Each bound is kept (``sightings.py``), and the largest of the three holds whatever the shape. What others use of the
account only makes less be left, so that it makes no bound too small. An answer that does not say what is left counts as
nothing left, and so does a refusal: with ``Retry-After`` alone the bounds come of what passed.

Held to: a window of up to an hour; a stated amount that is the one in force; never shorter than a reset that was stated
meanwhile; where what is left never changes, it is believed once more than L of our own have passed. One counter is
assumed: machines of a provider that count apart look like a shorter window, until one refuses. Tokens are not judged:
what a request reserved comes back at its end, and cached ones are not always counted. Nor are figures of the operator.

Our own books hold requests back for the listed window, so that nothing could be seen to pass. Where they are nearly
full, one request at a time tests a reset that was stated nearer: the answer that stated it counts until then only. At
most three in a row: without a observation, or after a refusal, the next one is sent after the listed window, twice as
long
each time. So a wrong guess costs one refusal at most.

The shorter window is believed for a week after it was last shown, and until a refusal names the limit: then the listed
one holds again at once, and what was concluded is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shunpike.ledger import sightings
from shunpike.ledger.learning import is_believed_at
from shunpike.types import Confidence, Limit, Observation, Rolling, Settlement, Sighting, Unit, WindowObservation

LONGEST = 3_600.0
"""Seconds; longer windows are left as they are listed."""
_STEPS = (
    *(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0),
    *(60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 450.0, 600.0, 900.0, 1_200.0, 1_800.0, 2_700.0),
)
"""The windows, in seconds, that are concluded: the next one above what was shown."""
_NEAR = 0.5
"""A reset is near within this part of the window."""
_WORTH = 0.75
"""A window is called shorter from this part of it down."""
_FULL = 0.75
"""Our own books are nearly full from this part of the limit on."""
_TESTS = 3
LATER = 0.25
"""Seconds after the stated reset at which it is tested: our clock started when the answer had come."""
_BACK_OFF = 10
"""How often the wait between tests is doubled at most."""


class WindowSighting(NamedTuple):
    """What the end of an attempt tells of one limit. Times are epoch seconds."""

    attempt_id: str
    started_at: float
    """When it was admitted."""
    seen_at: float
    """When its headers had come."""
    ended_at: float
    origin: str
    refused: bool = False
    named: bool = True
    """For a refusal: whether it was this limit for certain."""
    left: int | None = None
    wait: float | None = None
    """Seconds from ``seen_at`` to the reset that it stated."""


def may_be_shorter(limit: Limit) -> bool:
    """Return whether it is of the kind whose window is judged here."""
    return (
        limit.unit is Unit.REQUEST
        and isinstance(limit.window, Rolling)
        and limit.window.seconds <= LONGEST
        and limit.confidence is not Confidence.OPERATOR
    )


def shortened(limit: Limit, observation: Observation | None, now: float) -> Limit:
    """Return the limit with the shorter window that was shown, the limit itself where none is believed."""
    span = None if observation is None else observation.span
    if span is None or span.seconds is None or not may_be_shorter(limit) or not is_believed_at(span.at, now):
        return limit
    listed = _seconds(limit)
    if span.seconds >= listed:
        return limit
    changed = {
        "window": Rolling(seconds=span.seconds),
        "source": f"{span.origin}: more passed than {listed:g} s allow",
        "observed_at": span.at,
        "confidence": Confidence.OBSERVED,
    }
    return limit.model_copy(update=changed)


def watched(known: WindowObservation | None, limit: Limit, seen: WindowSighting) -> WindowObservation | None:
    """Return what is known of a limit's window with what an ending showed of it; None where there is nothing to keep.

    Args:
        known: What was known before.
        limit: With the window that is listed, and the amount that is in force.

    """
    listed = _seconds(limit)
    span = _fresh(known or WindowObservation(), limit.amount, seen, listed)
    if seen.wait is not None and 0 < seen.wait <= listed * _NEAR:
        span = span.model_copy(update={"told_at": seen.seen_at, "wait": seen.wait})
    if seen.refused and (span.told_at or span.seconds is not None):
        return _refused(span, seen, listed)
    if not span.told_at:
        return None if known is None or span == known else span
    span = _judged(span, limit.amount, seen, listed)
    return _tested(span, limit.amount, seen, listed) if span.seconds is None else span


def early(settlement: Settlement, known: Mapping[str, Observation], attempt_id: str) -> dict[str, float]:
    """Return bucket → until when an attempt counts there at most, of those in which it makes room for a test.

    Args:
        settlement: How it ended, and what that taught.
        known: What the store knows: another process may have made room meanwhile.
        attempt_id: The attempt.

    """
    found = {}
    for update in settlement.limit_updates:
        span, bucket, at = update.observation.span, update.observation.bucket, settlement.at
        if span is not None and span.tester == attempt_id and span.test_at > at:
            other = known[bucket].span if bucket in known else None
            if other is None or max(other.test_at, other.no_test_before) <= at:
                found[bucket] = span.test_at
    return found


def without_sightings(span: WindowObservation) -> WindowObservation:
    """Return what is known of a window without what was seen and what bounds it made; what was shown stays."""
    return span.model_copy(update={"rolling": None, "refilled": None, "fixed": None, "log": (), "told_at": 0.0})


def used_within(span: WindowObservation, seconds: float, now: float) -> int:
    """Return how many of our requests that were seen may still count in a window of so many seconds."""
    return sum(one.served for one in span.log if one.seen > now - seconds)


def _seconds(limit: Limit) -> float:
    return limit.window.seconds if isinstance(limit.window, Rolling) else 0.0


def _fresh(span: WindowObservation, amount: int, seen: WindowSighting, listed: float) -> WindowObservation:
    """Forget what is too old to tell, what is of another amount, and all of it where the clock was set back."""
    latest = seen.ended_at + listed
    if span.amount != amount or max((one.seen for one in span.log), default=0.0) > latest or span.told_at > latest:
        return without_sightings(span).model_copy(update={"amount": amount})
    if seen.seen_at - span.told_at > listed:
        return span.model_copy(update={"log": (), "told_at": 0.0}) if span.told_at else span
    if span.seconds is not None and not is_believed_at(span.at, seen.ended_at):
        span = span.model_copy(update={"seconds": None, "rolling": None, "refilled": None, "fixed": None})
    return span.model_copy(update={"log": tuple(one for one in span.log if one.started >= seen.seen_at - listed)})


def _refused(span: WindowObservation, seen: WindowSighting, listed: float) -> WindowObservation:
    """A refusal shows that nothing was left; whatever was concluded or tested before it is taken back."""
    one = Sighting(started=seen.started_at, seen=seen.seen_at, served=0, left=seen.left or 0, wait=seen.wait)
    if span.seconds is None and not span.tests:
        return span.model_copy(update={"log": sightings.with_one(span.log, one)}) if seen.named else span
    span = _failed(span, seen.ended_at, listed)
    taken_back = {"seconds": None, "rolling": None, "refilled": None, "fixed": None}
    return span.model_copy(update={**taken_back, "log": (one,) if seen.named else ()})


def _failed(span: WindowObservation, at: float, listed: float) -> WindowObservation:
    wait = listed * 2 ** min(span.failures, _BACK_OFF)
    failed = {"tests": 0, "failures": span.failures + 1, "no_test_before": at + wait, "changed_at": at}
    return span.model_copy(update=failed)


def _judged(span: WindowObservation, amount: int, seen: WindowSighting, listed: float) -> WindowObservation:
    one = Sighting(started=seen.started_at, seen=seen.seen_at, left=seen.left, wait=seen.wait)
    before = [other for other in span.log if other.seen < seen.started_at]
    since, fixed = sightings.fixed(before, amount, one)
    shapes = {
        "rolling": sightings.least(span.rolling, sightings.rolling(before, amount, one)),
        "refilled": sightings.least(span.refilled, sightings.refilled(before, amount, one)),
        "fixed": sightings.least(span.fixed, fixed),
    }
    log = sightings.with_one(span.log, one.model_copy(update={"since": since}))
    span = span.model_copy(update={"log": log})
    if sightings.stands_still(log) and used_within(span, listed, seen.ended_at) <= amount:
        return span
    span = span.model_copy(update=shapes)
    bounds = [bound for bound in shapes.values() if bound is not None]
    if len(bounds) < len(shapes):
        return span
    most = max(*bounds, *(one.wait or 0.0 for one in log))
    seconds = next((step for step in _STEPS if step >= most), listed)
    if seconds < (span.seconds or listed) and seconds <= listed * _WORTH:
        now = seen.ended_at
        shown = {"seconds": seconds, "at": now, "changed_at": now, "origin": seen.origin, "tests": 0}
        return span.model_copy(update=shown)
    if span.seconds is not None and fixed is not None and fixed <= span.seconds:
        return span.model_copy(update={"at": seen.ended_at})
    return span


def _tested(span: WindowObservation, amount: int, seen: WindowSighting, listed: float) -> WindowObservation:
    """Make room for a test, where one is due: the attempt that ended counts until the reset only."""
    if seen.started_at < span.test_at or seen.ended_at < span.no_test_before:
        return span
    if span.tests >= _TESTS:
        return _failed(span, seen.ended_at, listed)
    wait = span.wait if seen.wait is None else seen.wait
    if not 0 < wait <= listed * _NEAR or used_within(span, listed, seen.ended_at) < amount * _FULL:
        return span
    test_at = max(seen.seen_at + wait, seen.ended_at) + LATER
    return span.model_copy(update={"tests": span.tests + 1, "test_at": test_at, "tester": seen.attempt_id})
