"""Prices, asked once and kept until the moment at which they may change."""

from __future__ import annotations

from shunpike.catalog.service import served_price, worst_price
from shunpike.clock import Clock, moment
from shunpike.plugins import Host
from shunpike.types import ModelInfo, Price, ProviderInfo

KEPT = 3600.0
"""Seconds after which a price without an end is asked for again."""


class PriceBook:
    """Which price a model has at a moment."""

    def __init__(self, host: Host, clock: Clock, catalog: tuple[ModelInfo, ...]) -> None:
        self._host = host
        self._clock = clock
        self._models = {(model.provider, name): model for model in catalog for name in (model.id, *model.aliases)}
        self._kept: dict[tuple[str, str], tuple[float, float, Price | None]] = {}

    def price(self, model: ModelInfo, prompt_tokens: int, at: float | None = None) -> Price | None:
        """Return the list price at ``at`` (epoch seconds, None = now) for a prompt of that size, None = unknown."""
        now = self._clock.now()
        at = now if at is None else at
        key = (model.provider, model.id)
        since, until, kept = self._kept.get(key, (0.0, 0.0, None))
        by_size = any(row.above_prompt_tokens is not None for row in model.prices)
        if not by_size and since <= at < until:
            return kept
        price = self._host.price(model, moment(at), prompt_tokens)
        if at == now and not by_size:
            ends = price.valid_until if price is not None else None
            self._kept[key] = (now, min(now + KEPT, ends or now + KEPT), price)
        return price

    def worst(
        self, provider: ProviderInfo, model: ModelInfo, prompt_tokens: int, asked: str | None, within: float
    ) -> Price | None:
        """Return the most that an attempt can cost that begins now and ends ``within`` seconds, None = unknown.

        Whether the moment of the request or that of its end counts is the provider's secret, so both are looked at.
        ``asked`` is the tier of service that the request names.
        """
        price = self.price(model, prompt_tokens)
        end = self._clock.now() + within
        if price is not None and price.valid_until is not None and price.valid_until < end:
            price = _dearest(price, self.price(model, prompt_tokens, end))
        return worst_price(price, provider.service_tiers, asked)

    def served(self, asked: ModelInfo, served: str, prompt_tokens: int, since: float | None = None) -> Price | None:
        """Return the price of the model that an answer names: that one is billed, not the one asked for.

        A dated or prefixed form of the model asked for is the same model. A name that nobody knows has no price. Where
        the price changed after ``since``, when the attempt began, the dearer one is returned.
        """
        model = self._models.get((asked.provider, served))
        if model is None and (not served or _same(asked.id, served)):
            model = asked
        if model is None:
            return None
        price = self.price(model, prompt_tokens)
        return price if since is None else _dearest(price, self.price(model, prompt_tokens, since))

    def billed(self, provider: ProviderInfo, price: Price | None, asked: str | None, named: str | None) -> Price | None:
        """Return ``price`` at the tier of service that the answer names, else at the one asked for; None = unknown."""
        return served_price(price, provider.service_tiers, asked, named)


def _dearest(one: Price | None, other: Price | None) -> Price | None:
    if one is None or other is None:
        return None
    return one if one is other else one.dearer(other)


def _same(asked: str, served: str) -> bool:
    plain = served.removeprefix("models/").casefold()
    short = asked.casefold()
    return (
        plain.startswith(short)
        or short.endswith(plain)
        or plain.rsplit("/", 1)[-1].startswith(short.rsplit("/", 1)[-1])
    )
