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

from shunpike.ledger.terms import Terms
from shunpike.protocols import Ask
from shunpike.types import ZERO, Basis, Ending, Funds, Money, Price, Settlement, State, Usage

INTERRUPTED = "stream_interrupted"
BROKEN_OFF = frozenset({INTERRUPTED, "timeout"})
"""Errors by which a connection was closed before the end; what became of the answer then is the provider's way."""
MOST_BILLED = Money.usd(10_000)
"""What is booked of one bill whose worst case is less: no answer costs so much.

A larger one freezes the account all the same; those that are under way then do not overflow 63 bits, which hold 900.
"""


def settlement_of(ending: Ending, ask: Ask, terms: Terms) -> Settlement:
    """Return what the ledger books for an attempt that ended so; see the module's table.

    Args:
        ending: With as much of a stated usage as is believed: see ``belief.py``.
        ask: What was asked for.
        terms: Who pays, and how much at most.

    """
    broke_off = ending.cancelled or ending.error in BROKEN_OFF
    stated = ending.usage.basis is not Basis.ABSENT
    if not ending.sent:
        return _released(ending, keeps_request=False)
    if stated and ending.final:
        return _settled(ending, ask, terms, ending.usage)
    if ending.error is not None and ending.billed is False and not stated and not ending.stated_cost:
        return _released(ending, keeps_request=True)
    if broke_off and ending.cancel_safe:
        return _settled(ending, ask, terms, _estimate(ending, ask))
    return _unconfirmed(ending, ask, terms)


def _word(ending: Ending) -> str:
    return "cancelled" if ending.cancelled else ending.error or "ok"


def _released(ending: Ending, *, keeps_request: bool) -> Settlement:
    return Settlement(
        state=State.RELEASED,
        at=ending.at,
        headers_at=ending.headers_at,
        outcome=_word(ending),
        keeps_request=keeps_request,
    )


def _settled(ending: Ending, ask: Ask, terms: Terms, usage: Usage) -> Settlement:
    cost = _cost(ending, ask, terms, usage)
    if cost is None:
        return _unconfirmed(ending, ask, terms)
    return Settlement(
        state=State.SETTLED,
        at=ending.at,
        headers_at=ending.headers_at,
        usage=usage,
        cost=_booked(cost, terms),
        list_value=None if ending.price is None else _booked(ending.price.of(usage), terms),
        served_model=ending.served_model,
        outcome=_word(ending),
    )


def _cost(ending: Ending, ask: Ask, terms: Terms, usage: Usage) -> Money | None:
    """Return what was paid, None when it can't be known. What the provider states is its bill, whoever was to pay."""
    if ending.stated_cost is not None and ending.final and not _free_of_charge(ending, usage):
        return ending.stated_cost
    if terms.funds is Funds.FREE:
        return ending.stated_cost or ZERO
    if ending.price is None:
        return None
    if usage.basis is Basis.ESTIMATED:
        if ending.final:  # Its figures contradict each other: what was delivered is no less than what was made.
            most = max(usage.completion_tokens, ending.delivered_tokens)
            usage = usage.model_copy(update={"completion_tokens": most})
        return max(min(_bound(ending.price, ask, usage), terms.worst), _stated_so_far(ending, terms))
    return ending.price.of(usage)


def _free_of_charge(ending: Ending, usage: Usage) -> bool:
    """Whether a cost of zero is stated for what has a price: an answer that costs nothing is not believed."""
    priced = ending.price is not None and bool(ending.price.of(usage))
    return not ending.stated_cost and ending.delivered_tokens > 0 and priced


def _booked(cost: Money, terms: Terms) -> Money:
    """What is above the worst case stays above it, so that it is seen."""
    return min(cost, max(terms.worst + Money(pico=1), MOST_BILLED))


def _bound(price: Price, ask: Ask, usage: Usage) -> Money:
    """An estimate is priced from above: the bound of the prompt, none of it cached."""
    return price.worst(max(usage.prompt_tokens, ask.prompt_bound or 0), usage.completion_tokens)


def _estimate(ending: Ending, ask: Ask) -> Usage:
    """What had come when the connection was closed, no less than the last figure that was stated."""
    stated, output = ending.usage, min(ending.delivered_tokens, ask.max_output * ask.choices)
    return Usage(
        prompt_tokens=max(ask.prompt_tokens, stated.prompt_tokens),
        completion_tokens=max(output, stated.completion_tokens),
        reasoning_tokens=stated.reasoning_tokens,
        basis=Basis.ESTIMATED,
    )


def _unconfirmed(ending: Ending, ask: Ask, terms: Terms) -> Settlement:
    """The worst case stays held, or what was stated where that is more; the tokens are the best that is known."""
    usage, word = ending.usage, _word(ending)
    if usage.basis is Basis.ABSENT or not ending.final:
        usage = _estimate(ending, ask)
        if word != "ok":
            most = ask.max_output * ask.choices
            usage = usage.model_copy(update={"completion_tokens": max(usage.completion_tokens, most)})
    return Settlement(
        state=State.UNCONFIRMED,
        at=ending.at,
        headers_at=ending.headers_at,
        usage=usage,
        cost=max(terms.worst, _booked(_stated_so_far(ending, terms), terms)),
        served_model=ending.served_model,
        outcome=word,
    )


def _stated_so_far(ending: Ending, terms: Terms) -> Money:
    """Return the bill of what was stated: a lower bound, wherever it comes from."""
    told = ending.stated_cost or ZERO
    if terms.funds is Funds.FREE or ending.price is None:
        return told
    return max(told, ending.price.of(ending.usage))
