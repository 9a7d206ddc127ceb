"""Bills above the worst case: what they freeze until a person has looked, and where they count.

| what was billed too much               | is frozen                                                              |
| -------------------------------------- | ---------------------------------------------------------------------- |
| an attempt that could cost something   | what can cost something at its account; what costs nothing goes on     |
| an attempt that could cost nothing     | the whole account: nothing there is known to be free                   |

What the provider says that it charged is money until somebody knows better: it is booked, and counts in every budget
that bounds the account, also where nothing was held of it as nothing could cost anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shunpike.ledger.buckets import gate_of, paid_gate_of
from shunpike.ledger.terms import Terms
from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import Block, Funds, Hold, Scope, Settlement, State, Unit
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike.types.limits import BoundLimit


def frozen_by(target: Target, ask: AdmissionRequest, settlement: Settlement, terms: Terms) -> Block | None:
    """Return the block that a bill above the worst case makes, None where it was not above."""
    cost, worst = settlement.cost, terms.worst
    if settlement.state is State.RELEASED or cost <= worst:
        return None
    most = f"more than the {worst} that it could cost at most" if worst else "though it could not cost anything"
    return Block(
        bucket=paid_gate_of(target) if worst else gate_of(target, Scope.ACCOUNT),
        until=UNTIL_CLEARED,
        reason=f"{target.label} billed {cost}, {most}; to open it: shunpike limits clear {target.name}",
        at=settlement.at,
        origin=f"attempt {ask.attempt_id}",
    )


def charges_of(
    settlement: Settlement, terms: Terms, bounds: Callable[[Terms], Iterable[BoundLimit]]
) -> tuple[Hold, ...]:
    """Return where a cost counts of which nothing was held.

    Args:
        bounds: What would have been held on other terms.

    """
    if terms.funds is not Funds.FREE or settlement.state is State.RELEASED or not settlement.cost:
        return ()
    paid = bounds(terms.model_copy(update={"funds": Funds.PAID}))
    return tuple(
        Hold(bucket=one.bucket, limit=one.limit, amount=settlement.cost.pico, owner=one.owner)
        for one in paid
        if one.limit.unit is Unit.USD
    )
