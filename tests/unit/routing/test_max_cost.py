"""What a request may cost bounds all of its attempts together, to the pico-dollar."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, UsageError
from shunpike.ledger.request_cost import within_cost
from shunpike.ledger.terms import Terms
from shunpike.protocols import AdmissionRequest
from shunpike.types import Billing, Denial, Funds, Money, Price, Usage, Verdict
from shunpike_testkit.scripted import ScriptedProvider, answer

from .test_fall_over import client, many

PRICE = Price.per_million("1", "2")
PAID: dict[str, Any] = {"billing": Billing.CARD, "price": PRICE, "models": 1}
BUDGET: dict[str, Any] = {"allow_paid": True, "budgets": [{"amount": {"pico": 10**13}, "period": "day"}]}
LOST = Overloaded("the connection broke", provider="", kind="connection")


def paid(name: str, *steps: Any, price: Price = PRICE) -> ScriptedProvider:
    return many(name, *steps, **{**PAID, "price": price})


async def worst_of(opened: Client) -> Money:
    """Return what an attempt of a hundred tokens can cost at most."""
    with pytest.raises(Exhausted, match="lower max_tokens") as caught:
        await opened.complete("hello", max_tokens=100, max_cost=0)
    assert caught.value.decision.attempts == ()
    return Money(pico=2_000_000 * 100)


async def test_what_could_cost_more_is_not_asked() -> None:
    only = paid("only", answer("fine"))
    async with client(only, **BUDGET) as opened:
        least = await worst_of(opened)
        with pytest.raises(Exhausted, match=r"too large for the max_cost"):
            await opened.complete("hello", max_tokens=100, max_cost=least)
        assert only.backend.calls == []
        assert (await opened.complete("hello", max_tokens=100, max_cost="0.001")).text == "fine"


async def test_the_cheaper_one_is_asked_instead_and_what_is_free_always() -> None:
    dear, cheap = paid("dear", price=Price.per_million("100", "200")), paid("cheap", answer("two"))
    async with client(dear, cheap, **BUDGET, max_cost="0.001") as opened:
        done = await opened.complete("hello", max_tokens=100)
        assert (done.text, dear.backend.calls) == ("two", [])
    async with client(many("free", answer("free")), **BUDGET) as opened:
        assert (await opened.complete("hello", max_cost=0)).text == "free"


async def test_what_an_attempt_may_have_cost_is_spent_for_the_next() -> None:
    """The first is held at its worst case, as nobody knows what it cost: what is left is too little for a second."""
    first, second = paid("first", LOST), paid("second", answer("two"))
    async with client(first, second, **BUDGET) as opened:
        with pytest.raises(Exhausted, match=r"second/m00 +too large for the max_cost"):
            await opened.complete("hello", max_tokens=100, max_cost="0.0003")
        assert (await opened.complete("hello", max_tokens=100, max_cost="0.001", providers="second")).text == "two"
    async with client(paid("first", LOST), second, **BUDGET) as opened:
        assert (await opened.complete("hello", max_tokens=100, max_cost="0.001")).text == "two"


async def test_an_open_cap_is_what_can_be_paid_for() -> None:
    usage = Usage(prompt_tokens=7, completion_tokens=3)
    only = paid("only", answer("fine", usage=usage))
    async with client(only, **BUDGET) as opened:
        done = await opened.complete("hello", max_cost="0.01")
    (call,) = only.backend.calls
    assert 1_024 <= call.max_output <= 5_000
    assert "max_cost" in done.decision.notes[0]


@pytest.mark.parametrize("value", [0.05, "much", -1, True, "-0.1"])
async def test_an_amount_that_is_none_is_rejected(value: Any) -> None:
    async with client(many("only")) as opened:
        with pytest.raises(UsageError, match="max_cost must be dollars as text"):
            await opened.complete("hello", max_cost=value)
        assert (await opened.complete("hello", max_cost=Decimal("0.05"))).text == "fine"


@given(
    most=st.integers(0, 10**9),
    rates=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    prompt=st.integers(0, 1_000),
    output=st.integers(1, 2_000),
    least=st.none() | st.integers(1, 200),
)
def test_no_attempt_that_is_let_through_can_cost_more(
    most: int, rates: tuple[int, int], prompt: int, output: int, least: int | None
) -> None:
    price = Price(prompt=rates[0], completion=rates[1])

    def terms(cap: int) -> Terms:
        return Terms(funds=Funds.PAID, price=price, worst=price.worst(prompt, cap))

    ask = AdmissionRequest(
        attempt_id="a",
        request_id="r",
        prompt_tokens=prompt,
        max_output=output,
        min_output=None if least is None else min(least, output),
        max_cost=Money(pico=most),
    )
    found = within_cost(ask, terms(output))
    if isinstance(found, Denial):
        smallest = output if ask.min_output is None else ask.min_output
        assert terms(smallest).worst > Money(pico=most), "what can be paid for is let through"
        assert found.impossible
    else:
        bounded, by = found
        assert terms(bounded.max_output).worst <= Money(pico=most)
        assert bool(by) == (bounded.max_output < output)
        assert bounded.max_output >= (ask.min_output or output)


@pytest.mark.parametrize("options", [{"max_tokens": 4_000}, {}])
async def test_a_dry_run_says_so_too_and_the_advice_is_to_raise_it(options: dict[str, Any]) -> None:
    dear, free = paid("dear", price=Price.per_million("100", "200")), many("free", answer("free"), models=1)
    async with client(dear, free, **BUDGET) as opened:
        planned = (await opened.route("hello", max_cost="0.0001", **options)).planned
        told = {one.candidate.provider: one.candidate.verdict for one in planned}
        assert told == {"free": Verdict.UNUSED, "dear": Verdict.DENIED}
        assert "max_cost $0.0001" in planned[1].candidate.reason
        with pytest.raises(Exhausted) as caught:
            await opened.complete("hello", max_cost="0.0001", providers=["dear"], **options)
    assert caught.value.hint == "raise max_cost, lower max_tokens or shorten the prompt"
