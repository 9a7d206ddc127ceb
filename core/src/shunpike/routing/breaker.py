"""How long a failure closes what it is about: each kind for its own time.

Trouble is counted. So many failures in a row as `FAILURES` close a place, for 30 s times how often it was closed, at
most 300 s; fewer close it for nobody but the request that met them. What names its moment, a limit, a dead key, an
empty account and a model that is gone close at once, each for its own time.
"""

from __future__ import annotations

from typing import NamedTuple

from shunpike.errors import AuthError, CreditsExhausted, NotHere, QuotaExhausted, RateLimited
from shunpike.routing.trouble import Failure, named_moment, names_limit
from shunpike.types import Cause, Unit

FAILURES = 5
"""So many in a row close a place that is in trouble."""
FIRST_CLOSED, LONGEST_CLOSED = 30.0, 300.0
"""Seconds for which they do: the first time, added for each further time, and at most."""
FORGIVEN = 300.0
"""Seconds of being well after which one closing is forgotten."""
TESTED_FOR = 5.0
"""Seconds after which the others look again whether the request that tests a place has ended."""
TEST_LEASE = 120.0
"""Seconds after which another may test it, whatever became of the one that does."""
_GONE_KINDS = frozenset({"not_found", "retired", "tier"})


class Growth(NamedTuple):
    """Seconds to stay away: after the first failure, and at most. Each further one in a row doubles them."""

    first: float
    most: float

    def after(self, failures: int) -> float:
        """Return the seconds after so many failures in a row."""
        return min(self.most, self.first * 2.0 ** min(failures - 1, 64))


BACK_OFF = Growth(1.0, 60.0)
"""After trouble that closes nothing for others: how long the request that met it stays away."""
HASTE = Growth(1.0, 60.0)
"""After a 429, whatever moment it names: one that names `now` for ever is no leave to ask for ever."""
UNNAMED = Growth(15.0, 900.0)
"""After a 429 that names no moment."""
USED_UP = Growth(3_600.0, 3_600.0)
"""After a used-up quota that names no reset."""
KEY = Growth(30.0, 3_600.0)
CREDITS = Growth(600.0, 3_600.0)
GONE = Growth(3_600.0, 3_600.0)
"""A model that a provider does not offer."""


def closed_for(times: int) -> float:
    """Return for how many seconds a place in trouble is closed the so many-th time."""
    return min(LONGEST_CLOSED, FIRST_CLOSED * times)


def growth_of(error: Failure) -> tuple[Growth | None, Cause | None]:
    """Return how long ``error``, which is no trouble, closes what it is about, and what would help; None = nothing."""
    match error:
        case AuthError():
            return KEY, Cause.KEY
        case CreditsExhausted():
            return CREDITS, None
        case RateLimited():
            # What runs at once is over in a moment.
            named = named_moment(error) is not None or names_limit(error, Unit.CONCURRENT)
            return HASTE if named else UNNAMED, Cause.QUOTA
        case QuotaExhausted():
            return USED_UP if named_moment(error) is None else HASTE, Cause.QUOTA
        case NotHere() if error.kind in _GONE_KINDS:
            return GONE, None
        case _:
            return None, None
