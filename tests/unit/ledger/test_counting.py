"""What answers teach about token counts: prompts are held as their model counts, answers as long as they mostly are."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger import Ledger
from shunpike.ledger.counting import ENOUGH, held_factor, learned, likely_output, output_samples, prompt_sample
from shunpike.ledger.windows import GUARD
from shunpike.types import (
    ABSENT,
    Budget,
    Denial,
    Factor,
    Grant,
    Limit,
    Money,
    Outcome,
    Price,
    Rolling,
    Sample,
    Settings,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

PRICE = Price(prompt=1, completion=10)
LEARNED = Settings(
    token_estimate="learned", allow_paid=True, budgets=(Budget(amount=Money.usd("9"), period="lifetime"),)
)


def ledger(settings: Settings, *limits: Limit) -> tuple[Ledger, VirtualClock]:
    clock = VirtualClock()
    return Ledger(MemoryStore(), clock, settings, lambda _: limits), clock


async def answered(books: Ledger, clock: VirtualClock, times: int, estimated: int, counted: int) -> None:
    """Let answers come that were estimated so and counted otherwise; then let them be forgotten by the limits."""
    for number in range(times):
        one = ask(f"{estimated}-{number}", prompt_tokens=estimated)
        assert isinstance(await books.admit(target(), one), Grant)
        await books.settle(target(), one, Outcome(at=clock.now(), usage=Usage(prompt_tokens=counted)))
        clock.advance(100)


async def held(books: Ledger, name: str, **fields: Any) -> int:
    """Return what an attempt holds of the only limit, that was empty before."""
    assert isinstance(await books.admit(target(), ask(name, **fields)), Grant)
    return (await books.remaining(target()))[0].used


async def test_a_model_that_counts_more_is_held_for_more() -> None:
    books, clock = ledger(Settings(), limit(100_000, Unit.INPUT_TOKEN))
    await answered(books, clock, 60, estimated=400, counted=600)
    assert await held(books, "b") == 150
    assert await held(books, "c", prompt_bound=120) == 270, "never above the bound"


async def test_what_a_template_adds_to_short_prompts_is_not_multiplied_onto_long_ones() -> None:
    books, clock = ledger(Settings(), limit(8_000, Unit.INPUT_TOKEN))
    await answered(books, clock, 200, estimated=40, counted=110)
    assert await held(books, "b", prompt_tokens=4_000) == 4_000


async def test_a_request_that_fits_as_estimated_is_never_impossible_by_what_was_learned() -> None:
    """It holds what the limit has, so that it can be tried; what could fit is told by the estimate too."""
    books, clock = ledger(Settings(), limit(8_000, Unit.TOTAL_TOKEN))
    await answered(books, clock, 60, estimated=1_000, counted=2_000)
    denial = await books.admit(target(), ask("a", prompt_tokens=5_000, max_output=3_001))
    assert isinstance(denial, Denial)
    assert (denial.impossible, denial.fits) == (True, 3_000)
    assert await held(books, "b", prompt_tokens=5_000, max_output=3_000) == 8_000
    denial = await books.admit(target(), ask("c", prompt_tokens=5_000, max_output=3_000))
    assert isinstance(denial, Denial)
    assert not denial.impossible


@pytest.mark.parametrize("bound", [None, 9_000])
async def test_money_is_held_as_learned_also_where_that_is_too_much(bound: int | None) -> None:
    """No cap in dollars is stretched: what fits is told by what would be held."""
    paid = target("card", price=PRICE)
    cap = Budget(amount=Money(pico=4_000), period="lifetime")
    books, clock = ledger(LEARNED.model_copy(update={"budgets": (cap,)}), limit(100_000, Unit.INPUT_TOKEN))
    await answered(books, clock, 60, estimated=1_000, counted=2_000)
    denial = await books.admit(paid, ask("a", prompt_tokens=1_900, prompt_bound=bound, max_output=50))
    assert isinstance(denial, Denial)
    assert (denial.impossible, denial.fits) == (True, 20 if bound is None else 0)


async def test_what_is_kept_when_nobody_tells_the_usage_is_as_the_model_counts() -> None:
    """Two thousand of a prompt that was estimated at one, and what was delivered."""
    books, clock = ledger(Settings(), limit(100_000, Unit.TOTAL_TOKEN))
    await answered(books, clock, 60, estimated=1_000, counted=2_000)
    assert await held(books, "a", prompt_tokens=1_000) == 2_050
    cut = Outcome(at=clock.now(), cancelled=True, cancel_safe=True, delivered_tokens=10)
    booked = await books.settle(target(), ask("a", prompt_tokens=1_000), cut)
    clock.advance(GUARD)
    assert (await books.remaining(target()))[0].used == 2_010
    assert (booked.usage.prompt_tokens, booked.samples) == (2_000, ())


def test_an_estimate_is_lowered_only_after_enough_answers() -> None:
    factor: Factor | None = None
    for number in range(ENOUGH + 1):
        factor = learned(factor, Sample(name="m", value=0.5))
        assert held_factor(factor) == (pytest.approx(0.5) if number + 1 >= ENOUGH else 1.0)
    assert held_factor(None) == 1.0


def test_what_tells_nothing_of_a_count_is_not_learned() -> None:
    measured = Usage(prompt_tokens=270)
    assert prompt_sample("m", 300, measured, 7.0) == Sample(name="m", value=0.9, at=7.0)
    assert prompt_sample("m", 300, ABSENT, 7.0) is None
    assert prompt_sample("m", 200, measured, 7.0) is None
    assert prompt_sample("m", 300, Usage(prompt_tokens=9_000), 7.0) is None
    assert output_samples("m", None, 1, ABSENT, 7.0) == ()
    assert output_samples("m", None, 1, Usage(prompt_tokens=9), 7.0) == ()


def taught(*lengths: int, tag: str | None = None) -> dict[str, Factor]:
    known: dict[str, Factor] = {}
    for length in lengths:
        for sample in output_samples("m", tag, 1, Usage(completion_tokens=length), 0.0):
            known[sample.name] = learned(known.get(sample.name), sample)
    return known


def test_a_task_is_known_by_its_own_answers_and_else_by_its_model() -> None:
    known = taught(*[10] * ENOUGH, tag="title") | {"out|m": Factor(mean=200, samples=ENOUGH)}
    assert likely_output(known, "m", "title") == 10
    assert likely_output(known, "m", "essay") == likely_output(known, "m", None) == 200
    assert likely_output(taught(*[10] * (ENOUGH - 1)), "m", None) is None


@given(seed=st.integers(0, 10**6), mean=st.floats(20, 2_000), kind=st.sampled_from(["steady", "long tail"]))
def test_few_answers_are_longer_than_the_likely_one(seed: int, mean: float, kind: str) -> None:
    """Law: of steady lengths as of an exponential's, at most one answer in ten exceeds what was learned so far."""
    dice = random.Random(seed)
    draw = dice.expovariate if kind == "long tail" else (lambda rate: dice.gauss(1 / rate, 0.2 / rate))
    known: dict[str, Factor] = {}
    longer = asked = 0
    for _ in range(600):
        length = max(1, round(draw(1 / mean)))
        likely = likely_output(known, "m", None)
        if likely is not None:
            asked, longer = asked + 1, longer + (length > likely)
        for sample in output_samples("m", None, 1, Usage(completion_tokens=length), 0.0):
            known[sample.name] = learned(known.get(sample.name), sample)
    assert longer <= asked / 10


async def teach(books: Ledger, clock: VirtualClock, output: int) -> None:
    for number in range(ENOUGH):
        await books.admit(target("card", price=PRICE), ask(f"a{number}", max_output=1_000))
        usage = Usage(prompt_tokens=100, completion_tokens=output)
        outcome = Outcome(at=clock.now(), usage=usage, price=PRICE)
        await books.settle(target("card", price=PRICE), ask(f"a{number}", max_output=1_000), outcome)
    clock.advance(100)


@pytest.mark.parametrize("estimate", ["worst_case", "learned"])
async def test_token_limits_may_be_held_as_learned_and_money_never_is(estimate: str) -> None:
    """And where the provider itself looks at the cap, the cap is held."""
    paid = target("card", price=PRICE)
    minute = Rolling(seconds=60)
    limits = (
        limit(60_000, Unit.OUTPUT_TOKEN, minute),
        limit(90_000, Unit.TOTAL_TOKEN, minute, counts="asked"),
    )
    books, clock = ledger(LEARNED.model_copy(update={"token_estimate": estimate}), *limits)
    await teach(books, clock, 40)
    before = {one.limit.unit: one.used for one in await books.remaining(paid)}
    grant = await books.admit(paid, ask("b", max_output=1_000))
    assert isinstance(grant, Grant)
    held = {one.limit.unit: one.used - before.get(one.limit.unit, 0) for one in grant.remaining}
    assert held[Unit.OUTPUT_TOKEN] == (40 if estimate == "learned" else 1_000)
    assert held[Unit.TOTAL_TOKEN] == 1_100
    spent = ENOUGH * PRICE.of(Usage(prompt_tokens=100, completion_tokens=40)).pico
    usd = next(one.used for one in grant.remaining if one.limit.unit is Unit.USD)
    assert usd == spent + PRICE.worst(100, 1_000).pico


async def test_an_answer_longer_than_the_likely_one_is_booked_in_full() -> None:
    books, clock = ledger(LEARNED, limit(100, Unit.OUTPUT_TOKEN, Rolling(seconds=60)))
    paid = target("card", price=PRICE)
    for number in range(ENOUGH):
        await books.admit(paid, ask(f"a{number}", max_output=90))
        usage = Usage(prompt_tokens=100, completion_tokens=20)
        await books.settle(paid, ask(f"a{number}", max_output=90), Outcome(at=clock.now(), usage=usage, price=PRICE))
        clock.advance(100)
    for name in ("b", "c", "d"):
        assert isinstance(await books.admit(paid, ask(name, max_output=90)), Grant), "three of 20 fit into 100"
    usage = Usage(prompt_tokens=100, completion_tokens=90)
    await books.settle(paid, ask("b", max_output=90), Outcome(at=clock.now(), usage=usage, price=PRICE))
    clock.advance(2)
    (used,) = [one.used for one in await books.remaining(paid) if one.limit.unit is Unit.OUTPUT_TOKEN]
    assert used == 130
    assert isinstance(await books.admit(paid, ask("e", max_output=90)), Denial)
