"""What answers teach about token counts: prompts are held as their model counts, answers as long as they mostly are."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger import Ledger
from shunpike.ledger.counting import ENOUGH, held_factor, learned, likely_output, output_samples, prompt_sample
from shunpike.types import (
    ABSENT,
    Budget,
    Ending,
    Factor,
    Grant,
    Limit,
    Money,
    Price,
    Refusal,
    Rolling,
    Sample,
    Settings,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

PRICE = Price(prompt=1, completion=10)
LEARNED = Settings(reserve="learned", allow_paid=True, budgets=(Budget(amount=Money.usd("9"), period="lifetime"),))


def ledger(settings: Settings, *limits: Limit) -> tuple[Ledger, VirtualClock]:
    clock = VirtualClock()
    return Ledger(MemoryStore(), clock, settings, lambda _: limits), clock


async def test_a_model_that_counts_more_is_held_for_more() -> None:
    books, clock = ledger(Settings(), limit(100_000, Unit.INPUT_TOKEN))
    for number in range(60):
        await books.admit(target(), ask(f"a{number}"))
        ending = Ending(at=clock.now(), usage=Usage(prompt_tokens=150))
        await books.settle(target(), ask(f"a{number}"), ending)
    before = (await books.remaining(target()))[0].used
    await books.admit(target(), ask("b"))
    assert (await books.remaining(target()))[0].used - before == 150
    await books.admit(target(), ask("c", prompt_bound=120))
    assert (await books.remaining(target()))[0].used - before == 270, "never above the bound"


def test_an_estimate_is_lowered_only_after_enough_answers() -> None:
    factor: Factor | None = None
    for number in range(ENOUGH + 1):
        factor = learned(factor, Sample(name="m", value=0.5))
        assert held_factor(factor) == (pytest.approx(0.5) if number + 1 >= ENOUGH else 1.0)
    assert held_factor(None) == 1.0


def test_what_tells_nothing_of_a_count_is_not_learned() -> None:
    measured = Usage(prompt_tokens=90)
    assert prompt_sample("m", 100, measured, 7.0) == Sample(name="m", value=0.9, at=7.0)
    assert prompt_sample("m", 100, ABSENT, 7.0) is None
    assert prompt_sample("m", 3, measured, 7.0) is None
    assert prompt_sample("m", 100, Usage(prompt_tokens=9_000), 7.0) is None
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
        ending = Ending(at=clock.now(), usage=usage, price=PRICE)
        await books.settle(target("card", price=PRICE), ask(f"a{number}", max_output=1_000), ending)
    clock.advance(100)


@pytest.mark.parametrize("reserve", ["worst", "learned"])
async def test_token_limits_may_be_held_as_learned_and_money_never_is(reserve: str) -> None:
    """And where the provider itself looks at the cap, the cap is held."""
    paid = target("card", price=PRICE)
    minute = Rolling(seconds=60)
    limits = (
        limit(60_000, Unit.OUTPUT_TOKEN, minute),
        limit(90_000, Unit.TOTAL_TOKEN, minute, counts="asked"),
    )
    books, clock = ledger(LEARNED.model_copy(update={"reserve": reserve}), *limits)
    await teach(books, clock, 40)
    before = {one.limit.unit: one.used for one in await books.remaining(paid)}
    grant = await books.admit(paid, ask("b", max_output=1_000))
    assert isinstance(grant, Grant)
    held = {one.limit.unit: one.used - before.get(one.limit.unit, 0) for one in grant.remaining}
    assert held[Unit.OUTPUT_TOKEN] == (40 if reserve == "learned" else 1_000)
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
        await books.settle(paid, ask(f"a{number}", max_output=90), Ending(at=clock.now(), usage=usage, price=PRICE))
        clock.advance(100)
    for name in ("b", "c", "d"):
        assert isinstance(await books.admit(paid, ask(name, max_output=90)), Grant), "three of 20 fit into 100"
    usage = Usage(prompt_tokens=100, completion_tokens=90)
    await books.settle(paid, ask("b", max_output=90), Ending(at=clock.now(), usage=usage, price=PRICE))
    clock.advance(2)
    (used,) = [one.used for one in await books.remaining(paid) if one.limit.unit is Unit.OUTPUT_TOKEN]
    assert used == 130
    assert isinstance(await books.admit(paid, ask("e", max_output=90)), Refusal)
