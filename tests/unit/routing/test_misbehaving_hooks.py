"""A hook's answer that breaks its contract: a strategy, a tokenizer, figures, an observer, a probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.errors import Overloaded, PluginError
from shunpike.hookspecs import hookimpl
from shunpike.protocols import HealthProbe, Ranked, Store, Strategy, Target, Tokenizer
from shunpike.types import Billing, Event, Limit, ModelInfo, Price
from shunpike_testkit.scripted import ScriptedProvider, answer

from .plugged import client


async def late(found: Any) -> Any:
    return found


class Ranks:
    """A strategy that ranks as a test says."""

    name = "mine"

    def __init__(self, rank: Callable[[Sequence[Ranked]], Any]) -> None:
        self._rank = rank

    def rank(self, candidates: Sequence[Target], request: object, view: object) -> Any:
        return self._rank([Ranked(one) for one in candidates])


class Strategies:
    def __init__(self, rank: Callable[[Sequence[Ranked]], Any]) -> None:
        self._rank = rank

    @hookimpl
    def shunpike_routing_strategy(self, name: str) -> Strategy | None:
        return Ranks(self._rank) if name == "mine" else None


@pytest.mark.parametrize(
    "rank",
    [
        lambda found: None,
        lambda found: "priority",
        lambda found: found[:1],
        lambda found: [*found, *found],
        lambda found: [one.target.label for one in found],
        lambda found: [one.target for one in found],
        lambda found: [one._replace(why=None) for one in found],
        lambda found: [one._replace(score="best") for one in found],
        late,
        lambda found: 1 // 0,
    ],
)
async def test_a_strategy_that_ranks_wrongly_is_named_and_nothing_is_sent(rank: Callable[..., Any]) -> None:
    first, second = ScriptedProvider("first"), ScriptedProvider("second")
    async with client(first, second, more={"rankers": Strategies(rank)}, strategy="mine") as opened:
        with pytest.raises(PluginError, match="plugin 'rankers': the strategy 'mine'") as caught:
            await opened.complete("hello")
    assert caught.value.plugin == "rankers"
    assert not first.backend.calls + second.backend.calls


@pytest.mark.parametrize("answers", [True, False])
async def test_what_costs_money_is_asked_after_all_that_is_free_whatever_a_strategy_says(answers: bool) -> None:
    busy = Overloaded("busy", provider="free")
    paid = ScriptedProvider("paid", answer("paid"), billing=Billing.CARD, price=Price.per_million("1", "2"))
    free = ScriptedProvider("free", answer("free") if answers else busy)
    other = ScriptedProvider("other", answer("other") if answers else Overloaded("busy", provider="other"))
    budget = {"amount": {"pico": 10**12}, "period": "day"}
    rank = Strategies(lambda found: [one._replace(why="the best") for one in found])
    allowed = {"allow_paid": True, "budgets": [budget]}
    async with client(free, paid, other, more={"rankers": rank}, strategy="mine", **allowed) as opened:
        done = await opened.complete("hello", max_tokens=10)
    assert done.text == ("free" if answers else "paid")
    assert {one.provider: one.why for one in done.decision.candidates} == {
        "free": "the best",
        "other": "the best",
        "paid": "the best; it costs money, so all that is free comes first",
    }


class Counts:
    label = "mine"

    def __init__(self, found: Any) -> None:
        self._found = found

    def count(self, text: str) -> Any:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


class Tokenizers:
    def __init__(self, found: Any, *, hook: bool = False) -> None:
        self._found, self._hook = found, hook

    @hookimpl
    def shunpike_tokenizer(self, model: str) -> Tokenizer | None:
        if self._hook:
            raise KeyError(model)
        return Counts(self._found)


@pytest.mark.parametrize(
    "found", [Tokenizers(ValueError("x")), Tokenizers("ten"), Tokenizers(-5), Tokenizers(1, hook=True)]
)
async def test_a_tokenizer_that_goes_wrong_is_replaced_by_the_estimate(found: Tokenizers) -> None:
    async with client(ScriptedProvider("only", answer("fine")), more={"tokens": found}) as opened:
        opened.host.complaints.keep()
        assert (await opened.complete("hello")).text == "fine"
        assert [one.plugin for one in opened.host.complaints.take()] == ["tokens"]


class Stuck(MemoryStore):
    """A store that lets nobody close it."""

    async def aclose(self) -> None:
        await anyio.sleep_forever()


class Stores:
    @hookimpl
    def shunpike_store(self, url: str) -> Store | None:
        return Stuck() if url == "stuck:" else None


async def test_a_store_that_hangs_as_it_is_closed_is_named_by_its_plugin() -> None:
    """It was named by its module, which nobody has installed by that name."""
    opened = client(ScriptedProvider("only"), more={"stuck-books": Stores()}, store="stuck:")
    opened.host.complaints.keep()
    async with opened:
        await opened.complete("hello")
    assert [(one.plugin, one.hook) for one in opened.host.complaints.take()] == [("stuck-books", "aclose")]


class Watches:
    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        raise ValueError(event.name)


class Priced(ScriptedProvider):
    """A provider whose hooks of figures raise."""

    def __init__(self, *, cost: bool) -> None:
        super().__init__("odd")
        self._cost = cost

    @override
    @hookimpl
    def shunpike_cost(self, provider: str) -> Price | None:
        if provider == self.name and self._cost:
            raise ValueError("no price today")
        return None

    @override
    @hookimpl
    def shunpike_limits(self, provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
        if provider == self.name:
            raise ValueError("no limits today")
        return None


@pytest.mark.parametrize("cost", [False, True])
async def test_figures_that_can_not_be_had_close_the_provider_only(*, cost: bool) -> None:
    async with client(Priced(cost=cost), ScriptedProvider("next", answer("fine"))) as opened:
        assert (await opened.complete("hello")).text == "fine"
    async with client(Priced(cost=cost)) as opened:
        with pytest.raises(PluginError, match="odd-plugin"):
            await opened.complete("hello")


async def test_an_observer_that_raises_is_not_heard_by_the_caller() -> None:
    async with client(ScriptedProvider("only", answer("fine")), more={"watcher": Watches()}) as opened:
        assert (await opened.complete("hello")).text == "fine"


class Probed(ScriptedProvider):
    def __init__(self, found: Any) -> None:
        super().__init__("odd")
        self.found = found

    async def check(self) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def aclose(self) -> None:
        """Nothing to let go of."""

    @hookimpl
    def shunpike_health(self, provider: str) -> HealthProbe | None:
        return self if provider == self.name else None


@pytest.mark.parametrize("found", [None, 14, ValueError("x")])
async def test_a_health_probe_that_goes_wrong_names_its_plugin(found: Any) -> None:
    async with client(Probed(found)) as opened:
        with pytest.raises(PluginError, match="plugin 'odd-plugin': its health probe"):
            await opened.probe("odd")
