"""What one request may cost at most: no attempt of it is admitted that could cost more than is left of that."""

from __future__ import annotations

from shunpike.ledger.holds import fits
from shunpike.ledger.terms import Terms
from shunpike.protocols import AdmissionRequest
from shunpike.protocols.admission import MAX_COST
from shunpike.types import Confidence, Denial, DenialCause, Lifetime, Limit, Money, Owner, Unit


def within_cost(ask: AdmissionRequest, terms: Terms) -> tuple[AdmissionRequest, str] | Denial:
    """Return ``ask`` with no larger an output cap than its ``max_cost`` pays for, and what made it smaller, if it is.

    A denial where what could be paid for is of no use.
    """
    if ask.max_cost is None or terms.worst <= ask.max_cost:
        return ask, ""
    limit = cost_limit(ask.max_cost)
    most = fits(limit, limit.amount, ask, terms)
    if most is not None and ask.min_output is not None and most >= ask.min_output:
        return ask.model_copy(update={"max_output": min(most, ask.max_output)}), limit.text_of(Owner.OPERATOR)
    named = ask.min_output is None
    return Denial(cause=DenialCause.TOO_LARGE, limit=limit, owner=Owner.OPERATOR, fits=most if named else None)


def cost_limit(most: Money) -> Limit:
    """Return what a request may cost as the limit that it is."""
    return Limit(unit=Unit.USD, amount=most.pico, window=Lifetime(), source=MAX_COST, confidence=Confidence.OPERATOR)
