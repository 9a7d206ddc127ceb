"""Prices, asked once and kept until the moment at which they may change."""

from __future__ import annotations

import math
from typing import NamedTuple

from shunpike.catalog import find_served
from shunpike.catalog.service import served_price, worst_price
from shunpike.clock import Clock, moment
from shunpike.ledger.windows import CLOCK_SLACK
from shunpike.plugins import Host
from shunpike.types import ModelInfo, Price, ProviderInfo

KEPT = 3600.0
"""Seconds after which a price without an end is asked for again."""
SPANS = 4
"""Of so many spans of time the price of a model is kept: the present one and those around it."""
MOST_NAMES = 1_000
"""Names of answers whose models are kept: what strangers send must not grow without a bound."""


class _Kept(NamedTuple):
    valid_from: float
    valid_until: float
    price: Price | None


class PriceBook:
    """Which price a model has at a moment.

    Near a change of price nobody here knows which one is billed: whether the moment of the request or that of its end
    counts is the provider's secret, and its clock may differ from ours by `CLOCK_SLACK` seconds. So all that is asked
    for a span of time gets the dearest price of it, each part on its own, and that span begins and ends so much
    earlier and later.
    """

    def __init__(self, host: Host, clock: Clock, catalog: tuple[ModelInfo, ...]) -> None:
        self._host = host
        self._clock = clock
        self._models: dict[str, dict[str, ModelInfo]] = {}
        for model in catalog:
            names = self._models.setdefault(model.provider, {})
            names.update(dict.fromkeys((model.id, *model.aliases), model))
        self._served: dict[tuple[str, str, str], ModelInfo | None] = {}
        self._kept: dict[tuple[str, str, int], tuple[_Kept, ...]] = {}

    def price(self, model: ModelInfo, prompt_tokens: int, at: float | None = None) -> Price | None:
        """Return the list price at ``at`` (epoch seconds, None = now) for a prompt of that size, None = unknown."""
        at = self._clock.now() if at is None else at
        # A price by the size of the prompt is the same for all prompts that are above the same sizes.
        sizes = {row.above_prompt_tokens for row in model.prices if row.above_prompt_tokens is not None}
        key = (model.provider, model.id, sum(prompt_tokens > size for size in sizes))
        kept = self._kept.get(key, ())
        for one in kept:
            if one.valid_from <= at < one.valid_until:
                return one.price
        price = self._host.price(model, moment(at), prompt_tokens)
        until = at + KEPT if price is None else min(at + KEPT, _ends(price, at))
        self._kept[key] = (_Kept(at, until, price), *kept)[:SPANS]
        return price

    def worst(
        self, provider: ProviderInfo, model: ModelInfo, prompt_tokens: int, asked: str | None, within: float
    ) -> Price | None:
        """Return the most that an attempt can cost that begins now and ends ``within`` seconds, None = unknown.

        ``asked`` is the tier of service that the request names.
        """
        now = self._clock.now()
        price = self._dearest(model, prompt_tokens, now, now + within)
        return worst_price(price, provider.service_tiers, asked)

    def served(self, asked: ModelInfo, served: str, prompt_tokens: int, since: float | None = None) -> Price | None:
        """Return the price of the model that an answer names: that one is billed, not the one asked for.

        An alias or a dated form of a model is that model; any other name has no price. ``since`` is when the attempt
        began, None = now; where prices differ from then until now, the result is the dearest and says `Price.at_most`.
        """
        model = self._meant(asked, served)
        if model is None:
            return None
        now = self._clock.now()
        return self._dearest(model, prompt_tokens, now if since is None else min(since, now), now)

    def billed(self, provider: ProviderInfo, price: Price | None, asked: str | None, named: str | None) -> Price | None:
        """Return ``price`` at the tier of service that the answer names, else at the one asked for; None = unknown."""
        return served_price(price, provider.service_tiers, asked, named)

    def _dearest(self, model: ModelInfo, prompt_tokens: int, since: float, until: float) -> Price | None:
        """Return the dearest price between two moments, each with its slack; None where a part of them has none."""
        at = since - CLOCK_SLACK
        price = found = self.price(model, prompt_tokens, at)
        while price is not None and found is not None and _ends(found, at) <= until + CLOCK_SLACK:
            at = _ends(found, at)
            found = self.price(model, prompt_tokens, at)
            price = None if found is None else price.dearer(found)
        return price

    def _meant(self, asked: ModelInfo, served: str) -> ModelInfo | None:
        if not served:
            return asked
        known = self._models.get(asked.provider, {})
        if served in known:
            return known[served]
        key = (asked.provider, asked.id, served)
        if key not in self._served:
            if len(self._served) >= MOST_NAMES:
                self._served.clear()
            self._served[key] = find_served(known.values(), asked, served)
        return self._served[key]


def _ends(price: Price, at: float) -> float:
    """Return the moment at which another price takes over; one that has passed already says nothing."""
    until = price.valid_until
    return math.inf if until is None or until <= at else until
