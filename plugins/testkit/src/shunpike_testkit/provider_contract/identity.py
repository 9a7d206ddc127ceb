"""Laws of what a plugin claims: its own ids, a dated catalog, prices that are exact or unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shunpike.errors import PluginError
from shunpike.plugins import Host
from shunpike.types import Limit, ModelInfo, Price, ProviderSettings
from shunpike_testkit.provider_contract.basis import ProviderBasis

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MILLIONTH = Decimal(10) ** 6
"""Pico-dollars per token of a dollar per million tokens."""


class IdentityLaws(ProviderBasis):
    """The plugin answers for its own providers only, and what it says of them can be used."""

    def test_the_host_takes_the_plugin(self) -> None:
        """No hook is unknown or asynchronous, and all answers are of the right kind."""
        host = Host()
        try:
            host.register(self.plugin, "tested")
            host.models(self.info.id)
        except PluginError as error:
            raise AssertionError(f"the plugin host refuses this plugin: {error.message}") from error

    def test_only_its_own_providers_are_claimed(self) -> None:
        """Every hook answers None for a stranger, so that the stranger's own plugin is asked."""
        own = {info.id for info in self.infos}
        for stranger in ("a-stranger", f"{self.info.id}x", self.info.id[:-1], self.info.id.upper(), ""):
            if stranger in own:
                continue
            claimed = {name: answer for name, answer in self._answers(stranger) if answer is not None}
            assert not claimed, f"answer None for providers that are not yours: {stranger!r} was answered by {claimed}"

    def _answers(self, provider: str) -> Iterator[tuple[str, Any]]:
        hooks, model = self.hooks, self.model
        settings = self.settings("http://127.0.0.1:9")
        yield "shunpike_models", hooks.shunpike_models(provider=provider)
        yield "shunpike_completion", hooks.shunpike_completion(provider=provider, settings=settings)
        yield "shunpike_health", hooks.shunpike_health(provider=provider, settings=settings)
        yield "shunpike_cost", hooks.shunpike_cost(provider=provider, model=model, at=NOON, prompt_tokens=10)
        yield "shunpike_limits", hooks.shunpike_limits(provider=provider, model=model, tier=self.info.default_tier)

    def test_a_stranger_without_a_key_is_no_mistake(self) -> None:
        """Another provider's missing key must not raise here."""
        found = self.hooks.shunpike_completion(provider="a-stranger", settings=ProviderSettings())
        assert found is None, "look at the provider's id before you ask for the key"

    def test_each_call_of_the_hook_makes_a_backend(self) -> None:
        """Two keys are two backends: they share neither key nor connections."""
        assert self.make_backend() is not self.make_backend(), "shunpike_completion must make a backend per call"

    def test_the_catalog_is_dated_and_says_where_it_is_from(self) -> None:
        """A figure without a day and a source can't be checked."""
        latest = datetime.now(UTC).date() + timedelta(days=1)
        for name, as_of, source in ((self.info.id, self.info.as_of, self.info.source), *map(_origin, self.models)):
            assert source.strip(), f"{name}: source must say where the figures were read"
            assert as_of <= latest, f"{name}: as_of is {as_of}, which is in the future"

    def test_the_catalog_is_of_this_provider(self) -> None:
        """Each model has one name, is at this provider, and is offered on tiers that exist."""
        tiers = {tier.name for tier in self.info.tiers}
        assert self.info.default_tier in tiers, f"default_tier {self.info.default_tier!r} is not one of {sorted(tiers)}"
        seen: set[str] = set()
        for model in self.models:
            assert model.provider == self.info.id, (
                f"{model.id}: provider is {model.provider!r}, expected {self.info.id!r}"
            )
            for name in (model.id, *model.aliases):
                assert name not in seen, f"two models are called {name!r}"
                seen.add(name)
            unknown = sorted(set(model.limits) - tiers)
            assert not unknown, f"{model.id} is offered on {unknown}, but the tiers are {sorted(tiers)}"

    def test_retired_models_name_successors_that_exist(self) -> None:
        """Following them ends at a model that is not retired."""
        named = {name: model for model in self.models for name in (model.id, *model.aliases)}
        for model in self.models:
            path, current = [model.id], model
            while current.successor is not None:
                assert current.successor in named, f"{current.id}: its successor {current.successor!r} is not listed"
                current = named[current.successor]
                assert current.id not in path, f"{model.id}: its successors go in a circle: {[*path, current.id]}"
                path.append(current.id)
            assert len(path) == 1 or current.status != "retired", (
                f"{model.id}: its last successor {current.id} is retired too: name one that answers"
            )

    def test_a_retired_model_is_offered_on_no_tier(self) -> None:
        """Else it is tried, and fails."""
        offered = [model.id for model in self.models if model.status == "retired" and model.limits]
        assert not offered, f"these retired models are still offered: {offered}: remove their limits"

    def test_prices_are_exact(self) -> None:
        """What the hook answers is one of the catalog's rows to the last pico-dollar."""
        for model in self.models:
            price = self._price(model)
            if price is None or not model.prices:
                continue
            exact = {(_pico(row.prompt), _pico(row.completion)) for row in model.prices}
            assert (Decimal(price.prompt), Decimal(price.completion)) in exact, (
                f"{model.id}: shunpike_cost answers {price.prompt} and {price.completion} pico-dollars per token, "
                f"the catalog says {sorted(exact)}: reckon with Decimal, never with float"
            )

    def test_an_unknown_price_is_none(self) -> None:
        """Zero would be spent without limit."""
        unknown = self.model.model_copy(update={"id": "a-model-that-nobody-lists", "aliases": (), "prices": ()})
        price = self._price(unknown)
        assert price is None, f"shunpike_cost answers {price!r} for a model without a price: answer None"

    def _price(self, model: ModelInfo) -> Price | None:
        price = self.hooks.shunpike_cost(provider=self.info.id, model=model, at=NOON, prompt_tokens=1000)
        assert price is None or isinstance(price, Price), (
            f"{model.id}: shunpike_cost answers {type(price).__name__}: answer with a Price or None"
        )
        return price

    def test_limits_are_known_for_every_offer(self) -> None:
        """An empty list says that there is none, None says that nobody knows."""
        for model in self.models:
            for tier in model.limits:
                limits = self.hooks.shunpike_limits(provider=self.info.id, model=model, tier=tier)
                assert limits is not None, f"{model.id} is offered on {tier!r}, but shunpike_limits answers None"
                assert all(isinstance(limit, Limit) for limit in limits), f"{model.id}: a limit is no Limit: {limits}"
        none = self.hooks.shunpike_limits(provider=self.info.id, model=self.model, tier="no-such-tier")
        assert none is None, f"shunpike_limits answers {none!r} for a tier that does not exist: answer None"


def _origin(model: ModelInfo) -> tuple[str, date, str]:
    return model.id, model.as_of, model.source


def _pico(dollars_per_million: str) -> Decimal:
    return Decimal(dollars_per_million) * MILLIONTH
