"""The contract that every routing strategy is held against.

class TestMine(StrategyContract):
    def strategy(self) -> Strategy:
        return Mine()
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import groupby
from math import inf
from typing import Any, ClassVar, Literal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shunpike.protocols import NeedsStates, Ranked, Strategy, Target, TargetHealth, TargetState, View
from shunpike.types import (
    FREE,
    Billing,
    Calendar,
    ChatRequest,
    Held,
    Lifetime,
    Limit,
    ModelInfo,
    Owner,
    Price,
    ProviderInfo,
    Remaining,
    Rolling,
    Speed,
    Tier,
    Unit,
)
from shunpike_testkit.contract import Contract

AS_OF = date(2026, 11, 22)
NOW = 1_795_000_000.0
NAMES = ("north", "east", "south", "west")
MODELS = ("a", "b", "c/d", "é")
LABELS = tuple(f"{name}/{model}" for name in NAMES for model in MODELS)
TIERS = (Tier(name="free", billing=Billing.NONE), Tier(name="paid", billing=Billing.CARD))
PRICES = (None, FREE, Price(prompt=1, completion=0), Price(prompt=10**6, completion=4 * 10**6, request=10**9))
FEATURES = ("tools", "json", "json_schema", "vision", "reasoning")
STATUSES: tuple[Literal["active", "deprecated", "unverified", "retired"], ...] = (
    "active",
    "deprecated",
    "unverified",
    "retired",
)


def _target(label: str, chance: random.Random) -> Target:
    """Return a target with whatever a catalog may leave open left open now and then."""
    name, _, model_id = label.partition("/")
    info = ProviderInfo(
        id=name,
        title=name.title(),
        base_url="https://api.example.com",
        default_tier="free",
        tiers=TIERS,
        as_of=AS_OF,
        source="made up",
    )
    model = ModelInfo(
        provider=name,
        id=model_id,
        context=chance.choice((None, 1, 8192, 10**7)),
        max_output=chance.choice((None, 1, 4096)),
        features=frozenset(chance.sample(FEATURES, chance.randrange(len(FEATURES)))),
        status=chance.choice(STATUSES),
        quality=chance.choice((None, 0.0, 0.5, 1.0)),
        as_of=AS_OF,
        source="made up",
    )
    paid = chance.choice((True, False))
    return Target(
        provider=info,
        name=name,
        model=model,
        account="default",
        tier="paid" if paid else "free",
        order=chance.randrange(3),
        model_order=chance.randrange(3),
        price=chance.choice(PRICES),
        paid=paid,
    )


@cache
def _pool() -> tuple[Target, ...]:
    """Some targets of every label, always the same: to draw from a pool is fast, and so is finding a small example."""
    chance = random.Random(20261122)  # noqa: S311 - not a secret
    return tuple(_target(label, chance) for label in LABELS for _ in range(12))


CANDIDATES = st.deferred(lambda: st.lists(st.sampled_from(_pool()), max_size=7, unique_by=lambda one: one.label))
REQUESTS = st.sampled_from(
    (
        ChatRequest(messages="hello"),
        ChatRequest(messages="hello", max_tokens=5, stream=True),
        ChatRequest(messages="hello", tools=({"type": "function", "function": {"name": "f"}},)),
        ChatRequest(messages="hello", response_format={"type": "json_object"}),
    )
)
MOMENTS = st.sampled_from((NOW - 10, NOW, NOW + 60))
SHARES = st.sampled_from((None, 0.0, 0.5, 1.0))
LEFT = tuple(
    Remaining(limit=Limit(unit=unit, amount=amount, window=window), bucket="b", owner=owner, used=used, left=left)
    for unit, amount, window, owner, used, left in (
        (Unit.REQUEST, 20, Rolling(seconds=60), Owner.PROVIDER, 19, 1),
        (Unit.REQUEST, 1_000, Calendar(period="day"), Owner.PROVIDER, 1_000, 0),
        (Unit.TOTAL_TOKEN, 10**6, Calendar(period="month"), Owner.PROVIDER, 0, 10**6),
        (Unit.INPUT_TOKEN, 0, Rolling(seconds=60), Owner.PROVIDER, 0, 0),
        (Unit.CONCURRENT, 3, Held(), Owner.PROVIDER, 3, 0),
        (Unit.LIST_USD, 10**12, Lifetime(), Owner.PROVIDER, 1, 10**12 - 1),
        (Unit.USD, 10**9, Calendar(period="day"), Owner.OPERATOR, 10**9, 0),
        (Unit.REQUEST, 5, Rolling(seconds=1), Owner.PRINCIPAL, 9, 0),
    )
)
SPEEDS = (
    None,
    Speed(),
    Speed(samples=1.0, first_token=0.0),
    Speed(samples=40.0, first_token=0.4, first_token_p95=2.0, tokens_per_second=80.0),
    Speed(samples=0.01, first_token=90.0, tokens_per_second=1e-3),
)
STATES = st.builds(
    TargetState,
    price=st.sampled_from(PRICES),
    remaining=st.lists(st.sampled_from(LEFT), max_size=3).map(tuple),
    blocked_until=st.none() | MOMENTS | st.just(inf),
    health=st.builds(TargetHealth, failures=st.sampled_from((0, 1, 9))),
    quality=SHARES,
    usable=SHARES,
    speed=st.sampled_from(SPEEDS),
    expected_output=st.sampled_from((0, 1, 500)),
    cached_share=SHARES,
    in_flight=st.sampled_from((0, 1, 64)),
)
VIEWS = st.builds(
    View,
    now=st.just(NOW),
    prompt_tokens=st.sampled_from((0, 100, 10**6)),
    max_output=st.sampled_from((0, 1, 1024, 10**5)),
    options=st.just({}),
    seed=st.integers(0, 2**32 - 1),
    blocked_until=st.dictionaries(st.sampled_from(LABELS), MOMENTS, max_size=4),
    stream=st.booleans(),
    task=st.sampled_from((None, "title", "")),
    min_quality=SHARES,
    expected_output=st.sampled_from((0, 1, 500)),
    difficulty=SHARES,
    states=st.fixed_dictionaries({label: st.sampled_from((TargetState(),)) | STATES for label in LABELS}),
)
# Derandomised and without a database: a contract gives the same verdict everywhere.
LAW = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=(HealthCheck.too_slow,),
)


class StrategyContract(Contract):
    """Inherit, say how the strategy is made, and its laws are tested."""

    knobs: ClassVar[tuple[str, ...]] = ("order_counts", "strategy")

    order_counts: bool = False
    """True for a strategy to which the order of the candidates that it gets means something."""

    def strategy(self) -> Strategy:
        """Return a new strategy."""
        raise NotImplementedError(f"{type(self).__name__}.strategy must return the strategy to be tested")

    def test_it_is_a_strategy_with_a_name(self) -> None:
        """The name is what it is configured by."""
        strategy = self.strategy()
        assert isinstance(strategy, Strategy), f"{type(strategy).__name__} needs `name` and `rank`"
        assert isinstance(strategy.name, str), f"name must be a text, got {strategy.name!r}"
        assert strategy.name.strip(), "name must not be empty"

    def test_it_answers_with_a_permutation(self) -> None:
        """Each candidate once: dropping one is the plan's business, trying one twice is nobody's."""

        @LAW
        @given(CANDIDATES, REQUESTS, VIEWS)
        def law(candidates: list[Target], request: ChatRequest, view: View) -> None:
            ranked = self._rank(self.strategy(), candidates, request, view)
            given = [target.label for target in candidates]
            assert sorted(_labels(ranked)) == sorted(given), (
                f"rank must return every candidate once: of {given} it made {_labels(ranked)}"
            )
            same = {id(target) for target in candidates} == {id(one.target) for one in ranked}
            assert same, "rank must return the candidates themselves, not changed copies"

        law()

    def test_it_is_deterministic(self) -> None:
        """The same arguments give the same order: asked again, asked anew, and whatever chance says."""

        @LAW
        @given(CANDIDATES, REQUESTS, VIEWS, st.integers())
        def law(candidates: list[Target], request: ChatRequest, view: View, seed: int) -> None:
            strategy = self.strategy()
            first = self._rank(strategy, candidates, request, view)
            random.seed(seed)
            for again in (strategy, self.strategy()):
                other = self._rank(again, candidates, request, view)
                assert other == first, (
                    f"the same arguments gave {_labels(first)}, then {_labels(other)}: draw by `View.seed`, and use no"
                    " other chance, clock or memory"
                )

        law()

    def test_it_is_total(self) -> None:
        """Candidates in any order give one order, so that ties are broken by something."""

        @LAW
        @given(CANDIDATES, REQUESTS, VIEWS, st.randoms(use_true_random=False))
        def law(candidates: list[Target], request: ChatRequest, view: View, chance: Any) -> None:
            mixed = candidates.copy()
            chance.shuffle(mixed)
            first = _labels(self._rank(self.strategy(), candidates, request, view))
            second = _labels(self._rank(self.strategy(), mixed, request, view))
            assert self.order_counts or first == second, (
                f"the candidates in another order were ranked {second}, not {first}: break ties, by the label at last; "
                "where the order given is meant to count, set order_counts = True"
            )

        law()

    def test_equals_stand_together(self) -> None:
        """A group of equals is of neighbours that cost alike: over it new conversations are spread."""

        @LAW
        @given(CANDIDATES, REQUESTS, VIEWS)
        def law(candidates: list[Target], request: ChatRequest, view: View) -> None:
            ranked = self._rank(self.strategy(), candidates, request, view)
            runs = [group for group, _ in groupby(ranked, key=lambda one: one.group) if group is not None]
            assert len(runs) == len(set(runs)), f"each group must be of neighbours, got {[one.group for one in ranked]}"
            for group in runs:
                money = {one.target.paid for one in ranked if one.group == group}
                assert len(money) == 1, "what is free and what costs money are no equals: give them groups of their own"

        law()

    def _rank(self, strategy: Strategy, candidates: Sequence[Target], request: ChatRequest, view: View) -> list[Ranked]:
        if not (isinstance(strategy, NeedsStates) and strategy.needs_states):
            view = replace(view, states=View(now=NOW, prompt_tokens=0, max_output=0).states)
        try:
            ranked = list(strategy.rank(tuple(candidates), request, view))
        except Exception as error:
            raise AssertionError(
                f"rank raised {type(error).__name__} ({error}) for {[one.label for one in candidates]}: it must rank "
                "any candidates, also none, and such of which price, context and quality are unknown"
            ) from error
        given: list[object] = list(ranked)
        wrong = [one for one in given if not isinstance(one, Ranked)]
        assert not wrong, f"rank must return `Ranked(target, score, why)` for each candidate, got {wrong[:1]}"
        return ranked


def _labels(ranked: Sequence[Ranked]) -> list[str]:
    return [one.target.label for one in ranked]
