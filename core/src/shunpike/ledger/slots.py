"""What every store does alike: evaluate a reservation against what is used, and correct a slot when its attempt ends.

A *slot* is so much of one bucket, taken by one attempt. Stores differ only in where they keep slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from shunpike.ledger.half_open import may_test
from shunpike.ledger.windows import (
    CLOCK_SLACK,
    GUARD,
    IN_FLIGHT_RETRY,
    NEVER,
    Window,
    expiry,
    full_again_at,
    last_block,
    opens_at,
)
from shunpike.types import (
    Basis,
    Block,
    Calendar,
    Denial,
    DenialCause,
    Held,
    Hold,
    Limit,
    Remaining,
    Rolling,
    Settlement,
    State,
    Unit,
    Usage,
)
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike.types.limits import MONEY

_TOKENS = frozenset({Unit.INPUT_TOKEN, Unit.OUTPUT_TOKEN, Unit.TOTAL_TOKEN})


FREELY = 0.1
"""The share of a limit that is never slowed down."""


class Look(NamedTuple):
    """What a store knows of one bucket. The last two are asked only when the bucket is full."""

    used: int
    closed: Block | None
    """The block in force."""
    ended: Callable[[], Iterable[tuple[float, int]]]
    """(expiry, amount) of slots whose attempts ended, earliest expiry first."""
    in_flight: Callable[[], int]
    admitted_at: float | None = None
    """When something was last admitted."""


def evaluate_holds(
    holds: Sequence[Hold], now: float, look: Callable[[Hold], Look], guard: float = GUARD
) -> Denial | None:
    """Return None when every hold fits, else the denial by the limit that opens last.

    A hold of nothing takes nothing, but a block of its bucket blocks all the same.
    """
    worst: tuple[float, Denial] | None = None
    for hold in holds:
        denial = _evaluate_one(hold, now, look(hold), guard)
        if denial is None:
            continue
        if denial.impossible:
            return denial
        opens = NEVER if denial.retry_at is None else denial.retry_at
        if worst is None or opens > worst[0]:
            worst = opens, denial
    return None if worst is None else worst[1]


def _evaluate_one(hold: Hold, now: float, look: Look, guard: float) -> Denial | None:
    limit = hold.limit
    if hold.amount > limit.amount:
        return _denial(hold, DenialCause.TOO_LARGE)
    excess = look.used + hold.amount - limit.amount if hold.amount else 0
    closed = look.closed if look.closed and can_be_closed(limit.window, look.closed.until, now, guard) else None
    until = opens_for_test(closed, now) if closed else now
    if excess <= 0 and until <= now:
        gap = gap_ends(hold, look.used, look.admitted_at, now)
        return None if gap <= now else _denial(hold, DenialCause.PACED, used=look.used, retry_at=gap)
    if excess > 0:
        beyond = excess - coming_back(limit, look.in_flight())
        held = beyond <= 0
        opens = now + IN_FLIGHT_RETRY if held else opens_at(limit.window, now, beyond, look.ended(), guard)
        if opens is None or opens > until or until <= now:
            earliest = held or _runs_on(limit, opens, look.in_flight(), expiry(limit.window, now, guard))
            return _denial(hold, DenialCause.FULL, used=look.used, retry_at=opens, held=held, earliest=earliest)
    tested = closed is not None and closed.tester is not None
    opens = None if closed and closed.is_freeze else until
    return _denial(hold, DenialCause.BLOCKED, block=closed, retry_at=opens, held=tested, earliest=tested)


def used_at(window: Window, admitted_at: float | None, last: float | None, guard: float) -> float | None:
    """Return when something was last admitted to a bucket that is used, by the latest expiry of its slots alone."""
    if admitted_at is None or not isinstance(window, Rolling):
        return admitted_at
    return None if last is None else min(admitted_at, last - guard - window.seconds)


def gap_ends(hold: Hold, used: int, admitted_at: float | None, now: float) -> float:
    """Return until when a hold waits after the last admission to a window over which attempts are spread.

    What lies ahead was noted before the clock was set back: it would hold up everybody until then.
    """
    spread, window = hold.spread, hold.limit.window
    if spread is None or admitted_at is None or admitted_at > now + GUARD or not isinstance(window, Rolling):
        return now
    left = spread.whole - used
    if used + hold.amount <= FREELY * spread.whole or left < 1:
        return now
    return admitted_at + hold.amount * window.seconds / left / spread.curve


def _denial(hold: Hold, cause: DenialCause, **known: Any) -> Denial:
    """Return the denial by a hold's bucket; what takes nothing of it can only be closed, and has no limit."""
    limit = hold.limit if hold.amount else None
    return Denial(cause=cause, bucket=hold.bucket, limit=limit, owner=hold.owner, **known)


def _runs_on(limit: Limit, opens: float | None, in_flight: int, ends_now: float) -> bool:
    """Return whether a limit opens only some time after the end of what runs; ``ends_now``: when, if that were now."""
    return isinstance(limit.window, Rolling) and in_flight > 0 and opens == ends_now


def opens_for_test(block: Block, now: float) -> float:
    """Return from when on a block that is in force is not in the way: of one that may be tested, that is now.

    While another attempt tests it nobody knows; it is worth another look in a moment.
    """
    if may_test(block, now) or block.until <= now:
        return now
    if block.test_at is None:
        return block.until
    wait = now + IN_FLIGHT_RETRY if block.tester is not None else now
    return min(block.until, max(block.test_at, wait))


def coming_back(limit: Limit, in_flight: int) -> int:
    """Return how much of what running attempts hold may come back when they end.

    Money and tokens are held at the worst case, which few use up. A request counts once it was sent, and so does the
    cap where a provider leaves it counted: these come back only of attempts that never left, which is not to be hoped.
    """
    if limit.unit is Unit.CONCURRENT or isinstance(limit.window, Held):
        return in_flight
    return in_flight if limit.unit is not Unit.REQUEST and limit.counts != "reserved" else 0


def can_be_closed(window: Window, until: float, now: float, guard: float = GUARD) -> bool:
    """Return whether a limit can be closed ``until`` then: beyond that, a clock that was ahead has closed it."""
    return until >= UNTIL_CLEARED or until <= last_block(window, now, guard) + CLOCK_SLACK


def settled_amount(limit: Limit, held: int, settlement: Settlement) -> int:
    """Return what an ended attempt used of a limit that it held ``held`` of. Tokens that nobody counted stay held."""
    unit = limit.unit
    if unit is Unit.CONCURRENT or isinstance(limit.window, Held):
        return 0
    if settlement.state is State.UNCONFIRMED:
        # Where more was stated than was held, the totals have it, and so has the budget.
        return max(held, settlement.cost.pico) if unit is Unit.USD else held
    if unit is Unit.REQUEST:
        return held if settlement.state is State.SETTLED or settlement.keeps_request else 0
    if settlement.state is State.RELEASED:
        return 0
    if unit in MONEY:
        worth = settlement.cost if unit is Unit.USD else settlement.list_value
        return held if worth is None else worth.pico
    used = _tokens(limit, held, settlement.usage)
    return max(held, used) if limit.counts == "reserved" else used


def _tokens(limit: Limit, held: int, usage: Usage) -> int:
    if usage.basis is Basis.ABSENT:
        return held
    if limit.unit is Unit.OUTPUT_TOKEN:
        return usage.completion_tokens
    used = usage.prompt_tokens if limit.unit is Unit.INPUT_TOKEN else usage.total_tokens
    return used - usage.cached_tokens if limit.cached == "free" else used


def settled_expiry(window: Window, settlement: Settlement, latest: float | None, guard: float = GUARD) -> float:
    """Return until when an ended attempt's slot counts.

    A rolling window counts from the answer's headers. A calendar counts in the period of the end as well as in that
    of the admission, and never earlier than ``latest``, the bucket's latest expiry: after the clock was set back over
    a reset, what is used now belongs to the period that had already begun.
    """
    if isinstance(window, Calendar):
        return max(expiry(window, settlement.at, guard), latest or 0.0)
    ended = settlement.at if settlement.headers_at is None else settlement.headers_at
    return expiry(window, ended, guard)


class Part(NamedTuple):
    """What of an ended attempt's slot counts until when."""

    amount: int
    expires_at: float


def settled_parts(
    limit: Limit, held: int, settlement: Settlement, latest: float | None, guard: float = GUARD
) -> tuple[Part, ...]:
    """Return what becomes of a slot: what was used, then what is given back only after a while.

    Tokens of a rolling window that were held and not used come back ``guard`` seconds after the settlement: until it
    has booked the end of the answer, the provider may count what the request asked for (seen as an unjust 429).
    """
    amount = settled_amount(limit, held, settlement)
    parts = [Part(amount, settled_expiry(limit.window, settlement, latest, guard))] if amount else []
    unused = held - amount
    sent = settlement.keeps_request or settlement.state is not State.RELEASED
    if unused > 0 and guard > 0 and sent and limit.unit in _TOKENS and isinstance(limit.window, Rolling):
        parts.append(Part(unused, settlement.at + guard))
    return tuple(parts)


class Counted(NamedTuple):
    """What counts in one bucket."""

    used: int = 0
    in_flight: int = 0
    last: float | None = None
    """The latest expiry of what has ended and still counts."""
    admitted_at: float | None = None


def room_at(
    hold: Hold, now: float, counted: Counted, ended: Iterable[tuple[float, int]], guard: float = GUARD
) -> float | None:
    """Return from when on there is room for a hold, ``now`` where there is; None = not by waiting.

    Args:
        ended: (expiry, amount) of slots whose attempts ended, earliest expiry first.

    """
    limit = hold.limit
    excess = counted.used + hold.amount - limit.amount if hold.amount else 0
    if excess <= 0:
        return now
    beyond = excess - coming_back(limit, counted.in_flight)
    return now + IN_FLIGHT_RETRY if beyond <= 0 else opens_at(limit.window, now, beyond, ended, guard)


def remaining_of(hold: Hold, now: float, counted: Counted, guard: float = GUARD) -> Remaining:
    """Return what is left of one limit."""
    limit = hold.limit
    used, in_flight, last, admitted_at = counted
    resets = full_again_at(limit.window, now, last, in_flight, guard) if used else None
    left = max(0, limit.amount - used)
    return Remaining.model_construct(
        limit=limit,
        bucket=hold.bucket,
        owner=hold.owner,
        used=used,
        left=left,
        resets_at=resets,
        admitted_at=admitted_at,
    )
