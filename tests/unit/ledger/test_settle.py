"""The settle table, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.ledger.settle import settlement_of
from shunpike.ledger.terms import Terms
from shunpike.protocols import AdmissionRequest
from shunpike.types import Basis, Funds, Money, Outcome, Price, State, Usage

PRICE = Price(prompt=2, completion=5)
ASK = AdmissionRequest(
    attempt_id="a", request_id="r", prompt_tokens=100, prompt_bound=400, max_output=50, choices=2, price=PRICE
)
PAID = Terms(funds=Funds.PAID, price=PRICE, worst=PRICE.worst(400, 100))
FREE = Terms(funds=Funds.FREE, price=PRICE, worst=Money())
STATED = Usage(prompt_tokens=90, completion_tokens=11)


def outcome(**fields: object) -> Outcome:
    return Outcome.model_validate({"at": 10.0, "price": PRICE, **fields})


@pytest.mark.parametrize(
    ("how", "state", "pico", "keeps_request"),
    [
        pytest.param({"sent": False, "error": "connection"}, State.RELEASED, 0, False, id="no byte left"),
        pytest.param({"sent": False, "cancelled": True}, State.RELEASED, 0, False, id="cancelled before any byte"),
        pytest.param(
            {"error": "rate_limited", "status": 429, "billed": False}, State.RELEASED, 0, True, id="refused, not billed"
        ),
        pytest.param({"usage": STATED}, State.SETTLED, 90 * 2 + 11 * 5, True, id="answered with usage"),
        pytest.param({"usage": Usage()}, State.SETTLED, 0, True, id="an explicit zero stays zero"),
        pytest.param({"delivered_tokens": 30}, State.UNCONFIRMED, PAID.worst.pico, True, id="answered without usage"),
        pytest.param(
            {"error": "empty", "billed": True, "usage": STATED}, State.SETTLED, 235, True, id="useless, but billed"
        ),
        pytest.param({"error": "empty", "billed": True}, State.UNCONFIRMED, PAID.worst.pico, True, id="billed only"),
        pytest.param(
            {"error": "upstream", "status": 502}, State.UNCONFIRMED, PAID.worst.pico, True, id="5xx, nobody knows"
        ),
        pytest.param({"error": "timeout"}, State.UNCONFIRMED, PAID.worst.pico, True, id="timeout after the bytes"),
        pytest.param(
            {"error": "stream_interrupted", "usage": STATED, "complete": True},
            State.SETTLED,
            235,
            True,
            id="stream cut after its end",
        ),
        pytest.param(
            {"error": "stream_interrupted", "usage": STATED},
            State.UNCONFIRMED,
            PAID.worst.pico,
            True,
            id="stream cut, running usage seen",
        ),
        pytest.param(
            {"cancelled": True, "usage": STATED},
            State.UNCONFIRMED,
            PAID.worst.pico,
            True,
            id="left, running usage seen",
        ),
        pytest.param(
            {"usage": STATED, "complete": False}, State.UNCONFIRMED, PAID.worst.pico, True, id="ended, usage is behind"
        ),
        pytest.param(
            {"cancelled": True, "usage": STATED, "delivered_tokens": 3, "cancel_safe": True},
            State.SETTLED,
            400 * 2 + 11 * 5,
            True,
            id="left, cancel-safe, never below the running usage",
        ),
        pytest.param(
            {"error": "timeout", "delivered_tokens": 30, "cancel_safe": True},
            State.SETTLED,
            400 * 2 + 30 * 5,
            True,
            id="closed by us at the deadline, cancel-safe",
        ),
        pytest.param(
            {"error": "stream_interrupted", "delivered_tokens": 30, "cancel_safe": True},
            State.SETTLED,
            400 * 2 + 30 * 5,
            True,
            id="stream cut, cancel-safe",
        ),
        pytest.param(
            {"error": "stream_interrupted", "delivered_tokens": 30},
            State.UNCONFIRMED,
            PAID.worst.pico,
            True,
            id="stream cut, not cancel-safe",
        ),
        pytest.param(
            {"cancelled": True, "delivered_tokens": 3, "cancel_safe": True},
            State.SETTLED,
            400 * 2 + 3 * 5,
            True,
            id="cancelled, cancel-safe",
        ),
        pytest.param({"cancelled": True}, State.UNCONFIRMED, PAID.worst.pico, True, id="cancelled, not cancel-safe"),
        pytest.param(
            {"usage": STATED, "stated_cost": Money(pico=7)}, State.SETTLED, 7, True, id="the provider states its bill"
        ),
        pytest.param(
            {"usage": STATED, "price": None}, State.UNCONFIRMED, PAID.worst.pico, True, id="price of the answer unknown"
        ),
    ],
)
def test_every_row_of_the_settle_table(how: dict[str, object], state: State, pico: int, keeps_request: bool) -> None:
    booked = settlement_of(outcome(**how), ASK, PAID)
    assert (booked.state, booked.cost.pico, booked.keeps_request) == (state, pico, keeps_request)


def test_an_estimate_never_exceeds_the_reservation() -> None:
    far_too_much = outcome(cancelled=True, cancel_safe=True, delivered_tokens=10_000)
    booked = settlement_of(far_too_much, ASK, PAID)
    assert booked.cost == PAID.worst
    assert (booked.usage.completion_tokens, booked.usage.basis) == (100, Basis.ESTIMATED)


def test_a_free_answer_costs_nothing_and_is_worth_its_list_price() -> None:
    booked = settlement_of(outcome(usage=STATED, headers_at=9.0, served_model="m-2"), ASK, FREE)
    assert (booked.cost, booked.list_value) == (Money(), Money(pico=235))
    assert (booked.headers_at, booked.served_model, booked.outcome) == (9.0, "m-2", "ok")


def test_a_bill_for_what_should_be_free_is_booked() -> None:
    assert settlement_of(outcome(usage=STATED, stated_cost=Money(pico=9)), ASK, FREE).cost.pico == 9


def test_unknown_usage_is_shown_as_an_estimate_never_as_zero() -> None:
    answered = settlement_of(outcome(delivered_tokens=30), ASK, FREE).usage
    assert (answered.prompt_tokens, answered.completion_tokens, answered.basis) == (100, 30, Basis.ESTIMATED)
    lost = settlement_of(outcome(error="timeout"), ASK, FREE).usage
    assert (lost.prompt_tokens, lost.completion_tokens, lost.basis) == (100, 100, Basis.ESTIMATED)


def test_an_unconfirmed_row_is_never_below_what_was_stated() -> None:
    """A running figure, or a running cost, beyond the worst case is a lower bound all the same."""
    much = Usage(prompt_tokens=10_000, completion_tokens=11)
    booked = settlement_of(outcome(cancelled=True, usage=much), ASK, PAID)
    assert (booked.state, booked.cost) == (State.UNCONFIRMED, PRICE.of(much))
    dear = outcome(cancelled=True, usage=STATED, stated_cost=Money(pico=PAID.worst.pico + 1))
    assert settlement_of(dear, ASK, PAID).cost.pico == PAID.worst.pico + 1


@given(
    sent=st.booleans(),
    error=st.sampled_from([None, "timeout", "rate_limited", "stream_interrupted"]),
    billed=st.sampled_from([None, True, False]),
    cancelled=st.booleans(),
    cancel_safe=st.booleans(),
    delivered=st.integers(0, 200),
)
def test_money_is_given_back_only_on_observation(
    sent: bool, error: str | None, billed: bool | None, cancelled: bool, cancel_safe: bool, delivered: int
) -> None:
    """Law I4: released means that nothing was sent, or that the provider says it does not bill."""
    fields = {"sent": sent, "error": error, "billed": billed, "cancelled": cancelled, "cancel_safe": cancel_safe}
    booked = settlement_of(outcome(**fields, delivered_tokens=delivered), ASK, PAID)
    if booked.state is State.RELEASED:
        assert not sent or (error is not None and billed is False)
    elif booked.state is State.UNCONFIRMED:
        assert booked.cost == PAID.worst
    else:
        assert cancel_safe
        assert PRICE.worst(400, 0) <= booked.cost <= PAID.worst
