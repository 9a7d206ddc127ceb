"""The settle table: from how an attempt ended to what the ledger books. Pure, one rule per row, the first that fits.

| how it ended                                        | booked                                                |
| --------------------------------------------------- | ----------------------------------------------------- |
| no byte of the request left                         | released, not even the request counts                 |
| usage was stated with or after the end, and is      | settled at what was stated; where its parts don't fit |
| believed (``ledger/belief.py``)                     | it is an estimate, priced from above                  |
| failed, the provider does not bill it, and states   | released, the request counts                          |
| neither usage nor cost                              |                                                       |
| broke off before its end, provider stops billing    | settled at an estimate: the prompt's bound, the text, |
|                                                     | and no less than the last running figure              |
| anything else: answered without usage, broke off    | unconfirmed: the worst case stays; a running figure   |
| before its end, failed and billed or nobody knows,  | is a lower bound and no more                          |
| price unknown                                       |                                                       |

An owner that dies settles nothing: the store's recovery makes its attempts unconfirmed. Over-counting is possible and
shown; under-counting is not, but for one bill beyond all reason: see `MOST_BILLED`.
"""

from __future__ import annotations

from typing import Any

from shunpike.ledger.rows import FACTS
from shunpike.ledger.terms import Terms
from shunpike.protocols import AdmissionRequest
from shunpike.types import ZERO, Basis, Funds, Money, Outcome, Price, Settlement, State, Usage
from shunpike.types.ledger import BAD

INTERRUPTED = "stream_interrupted"
BROKEN_OFF = frozenset({INTERRUPTED, "timeout"})
"""Errors by which a connection was closed before the end; what became of the answer then is the provider's way."""
MOST_BILLED = Money.usd(10_000)
"""What is booked of one bill whose worst case is less: no answer costs so much.

A larger one freezes the account all the same; those that are under way then do not overflow 63 bits, which hold 900.
"""


def settlement_of(outcome: Outcome, ask: AdmissionRequest, terms: Terms) -> Settlement:
    """Return what the ledger books for an attempt that ended so; see the module's table.

    Args:
        ending: With as much of a stated usage as is believed: see ``belief.py``.
        ask: What was asked for.
        terms: Who pays, and how much at most.

    """
    broke_off = outcome.cancelled or outcome.error in BROKEN_OFF
    stated = outcome.usage.basis is not Basis.ABSENT
    if not outcome.sent:
        return _released(outcome, keeps_request=False)
    if stated and outcome.final:
        return _settled(outcome, ask, terms, outcome.usage)
    if outcome.error is not None and outcome.billed is False and not stated and not outcome.stated_cost:
        return _released(outcome, keeps_request=True)
    if broke_off and outcome.cancel_safe:
        return _settled(outcome, ask, terms, _estimate(outcome, ask))
    return _unconfirmed(outcome, ask, terms)


def _told(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in FACTS}


def _word(outcome: Outcome) -> str:
    return "cancelled" if outcome.cancelled else outcome.error or "ok"


def _released(outcome: Outcome, *, keeps_request: bool) -> Settlement:
    return Settlement(
        state=State.RELEASED,
        at=outcome.at,
        headers_at=outcome.headers_at,
        outcome=_word(outcome),
        keeps_request=keeps_request,
        seconds=outcome.seconds,
    )


def _settled(outcome: Outcome, ask: AdmissionRequest, terms: Terms, usage: Usage) -> Settlement:
    cost = _cost(outcome, ask, terms, usage)
    if cost is None:
        return _unconfirmed(outcome, ask, terms)
    return Settlement.model_construct(
        state=State.SETTLED,
        at=outcome.at,
        headers_at=outcome.headers_at,
        usage=usage,
        cost=_booked(cost, terms),
        list_value=None if outcome.price is None else _booked(outcome.price.of(usage), terms),
        served_model=outcome.served_model,
        outcome=_word(outcome) if outcome.bad_answer is None else f"{BAD}{outcome.bad_answer}",
        **_told(outcome),
    )


def _cost(outcome: Outcome, ask: AdmissionRequest, terms: Terms, usage: Usage) -> Money | None:
    """Return what was paid, None when it can't be known. What the provider states is its bill, whoever was to pay."""
    if outcome.stated_cost is not None and outcome.final and not _free_of_charge(outcome, usage):
        return outcome.stated_cost
    if terms.funds is Funds.FREE:
        return outcome.stated_cost or ZERO
    if outcome.price is None:
        return None
    if usage.basis is Basis.ESTIMATED:
        if outcome.final:  # Its figures contradict each other: what was delivered is no less than what was made.
            most = max(usage.completion_tokens, outcome.delivered_tokens)
            usage = usage.model_copy(update={"completion_tokens": most})
        return max(min(_bound(outcome.price, ask, usage), terms.worst), _stated_so_far(outcome, terms))
    return outcome.price.of(usage)


def _free_of_charge(outcome: Outcome, usage: Usage) -> bool:
    """Whether a cost of zero is stated for what has a price: an answer that costs nothing is not believed."""
    priced = outcome.price is not None and bool(outcome.price.of(usage))
    return not outcome.stated_cost and outcome.delivered_tokens > 0 and priced


def _booked(cost: Money, terms: Terms) -> Money:
    """What is above the worst case stays above it, so that it is seen."""
    return min(cost, max(Money.model_construct(pico=terms.worst.pico + 1), MOST_BILLED))


def _bound(price: Price, ask: AdmissionRequest, usage: Usage) -> Money:
    """An estimate is priced from above: the bound of the prompt, none of it cached."""
    return price.worst(max(usage.prompt_tokens, ask.prompt_bound or 0), usage.completion_tokens)


def _estimate(outcome: Outcome, ask: AdmissionRequest) -> Usage:
    """What had come when the connection was closed, no less than the last figure that was stated."""
    stated, output = outcome.usage, min(outcome.delivered_tokens, ask.max_output * ask.choices)
    return Usage(
        prompt_tokens=max(ask.prompt_tokens, stated.prompt_tokens),
        completion_tokens=max(output, stated.completion_tokens),
        reasoning_tokens=stated.reasoning_tokens,
        basis=Basis.ESTIMATED,
    )


def _unconfirmed(outcome: Outcome, ask: AdmissionRequest, terms: Terms) -> Settlement:
    """The worst case stays held, or what was stated where that is more; the tokens are the best that is known."""
    usage, word = outcome.usage, _word(outcome)
    if usage.basis is Basis.ABSENT or not outcome.final:
        usage = _estimate(outcome, ask)
        if word != "ok":
            most = ask.max_output * ask.choices
            usage = usage.model_copy(update={"completion_tokens": max(usage.completion_tokens, most)})
    return Settlement(
        state=State.UNCONFIRMED,
        at=outcome.at,
        headers_at=outcome.headers_at,
        usage=usage,
        cost=max(terms.worst, _booked(_stated_so_far(outcome, terms), terms)),
        served_model=outcome.served_model,
        outcome=word,
        **_told(outcome),
    )


def _stated_so_far(outcome: Outcome, terms: Terms) -> Money:
    """Return the bill of what was stated: a lower bound, wherever it comes from."""
    told = outcome.stated_cost or ZERO
    if terms.funds is Funds.FREE or outcome.price is None:
        return told
    return max(told, outcome.price.of(outcome.usage))
