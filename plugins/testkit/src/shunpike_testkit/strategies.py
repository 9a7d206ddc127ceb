"""The contract that every routing strategy is held against.

class TestMine(StrategyContract):
def strategy(self) -> Strategy:
return Mine()
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike.protocols import Strategy, Target, View
from shunpike.types import FREE, Billing, ChatRequest, ModelInfo, Price, ProviderInfo, Tier
from shunpike_testkit.contract import Contract

AS_OF = date(2026, 11, 22)
NOW = 1_795_000_000.0
NAMES = ("north", "east", "south", "west")
TIERS = (Tier(name="free", billing=Billing.NONE), Tier(name="paid", billing=Billing.CARD))
INFOS = {
    name: ProviderInfo(
        id=name,
        title=name.title(),
        base_url="https://api.example.com",
        default_tier="free",
        tiers=TIERS,
        as_of=AS_OF,
        source="made up",
    )
    for name in NAMES
}
PRICES = st.one_of(
    st.none(),
    st.just(FREE),
    st.builds(Price, prompt=st.integers(0, 10**8), completion=st.integers(0, 10**8), request=st.integers(0, 10**9)),
)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """A model at a provider with everything that a catalog may leave open left open now and then."""
    provider = draw(st.sampled_from(NAMES))
    model = ModelInfo(
        provider=provider,
        id=draw(st.sampled_from(("a", "b", "c/d", "é"))),
        context=draw(st.none() | st.integers(1, 10**7)),
        max_output=draw(st.none() | st.integers(1, 10**6)),
        features=draw(st.frozensets(st.sampled_from(("tools", "json", "json_schema", "vision", "reasoning")))),
        status=draw(st.sampled_from(("active", "deprecated", "unverified", "retired"))),
        quality=draw(st.none() | st.floats(0, 1)),
        as_of=AS_OF,
        source="made up",
    )
    paid = draw(st.booleans())
    return Target(
        provider=INFOS[provider],
        name=provider,
        model=model,
        account="default",
        tier="paid" if paid else "free",
        order=draw(st.integers(0, 5)),
        model_order=draw(st.integers(0, 3)),
        price=draw(PRICES),
        paid=paid,
    )


CANDIDATES = st.lists(targets(), max_size=8, unique_by=lambda target: target.label).map(tuple)
REQUESTS = st.sampled_from(
    (
        ChatRequest(messages="hello"),
        ChatRequest(messages="hello", max_tokens=5, stream=True),
        ChatRequest(messages="hello", tools=({"type": "function", "function": {"name": "f"}},)),
        ChatRequest(messages="hello", response_format={"type": "json_object"}),
    )
)
LABELS = tuple(f"{name}/{model}" for name in NAMES for model in ("a", "b", "c/d", "é"))
VIEWS = st.builds(
    View,
    now=st.just(NOW),
    prompt_tokens=st.integers(0, 10**6),
    max_output=st.integers(1, 10**5),
    options=st.just({}),
    closed_until=st.dictionaries(st.sampled_from(LABELS), st.floats(NOW - 10, NOW + 10**5), max_size=5),
)
# Derandomised and without a database: a contract gives the same verdict everywhere.
LAW = settings(max_examples=100, deadline=None, derandomize=True, database=None)


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
        def law(candidates: tuple[Target, ...], request: ChatRequest, view: View) -> None:
            ranked = self._rank(self.strategy(), candidates, request, view)
            assert sorted(_labels(ranked)) == sorted(_labels(candidates)), (
                f"rank must return every candidate once: of {_labels(candidates)} it made {_labels(ranked)}"
            )
            same = {id(target) for target in candidates} == {id(target) for target in ranked}
            assert same, "rank must return the candidates themselves, not changed copies"

        law()

    def test_it_is_deterministic(self) -> None:
        """The same arguments give the same order: asked again, asked anew, and whatever chance or the clock say."""

        @LAW
        @given(CANDIDATES, REQUESTS, VIEWS, st.integers())
        def law(candidates: tuple[Target, ...], request: ChatRequest, view: View, seed: int) -> None:
            strategy = self.strategy()
            first = _labels(self._rank(strategy, candidates, request, view))
            random.seed(seed)
            for again in (strategy, self.strategy()):
                other = _labels(self._rank(again, candidates, request, view))
                assert other == first, f"the same arguments gave {first}, then {other}: use no chance, clock or memory"

        law()

    def test_it_is_total(self) -> None:
        """Candidates in any order give one order, so that ties are broken by something."""

        @LAW
        @given(CANDIDATES, REQUESTS, VIEWS, st.randoms(use_true_random=False))
        def law(candidates: tuple[Target, ...], request: ChatRequest, view: View, chance: Any) -> None:
            mixed = list(candidates)
            chance.shuffle(mixed)
            first = _labels(self._rank(self.strategy(), candidates, request, view))
            second = _labels(self._rank(self.strategy(), tuple(mixed), request, view))
            assert self.order_counts or first == second, (
                f"the candidates in another order were ranked {second}, not {first}: break ties, by the label at last; "
                "where the order given is meant to count, set order_counts = True"
            )

        law()

    def _rank(self, strategy: Strategy, candidates: Sequence[Target], request: ChatRequest, view: View) -> list[Target]:
        try:
            return list(strategy.rank(candidates, request, view))
        except Exception as error:
            raise AssertionError(
                f"rank raised {type(error).__name__} ({error}) for {_labels(candidates)}: it must rank any candidates, "
                "also none, and such of which price, context and quality are unknown"
            ) from error


def _labels(ranked: Sequence[Target]) -> list[str]:
    return [target.label for target in ranked]
