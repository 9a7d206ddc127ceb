"""List prices, asked once and kept until the moment at which they may change."""

from __future__ import annotations

from shunpike.clock import Clock, moment
from shunpike.plugins import Host
from shunpike.types import ModelInfo, Price


class PriceBook:
    """Which price a model has now."""

    def __init__(self, host: Host, clock: Clock, catalog: tuple[ModelInfo, ...]) -> None:
        self._host = host
        self._clock = clock
        self._models = {(model.provider, name): model for model in catalog for name in (model.id, *model.aliases)}
        self._kept: dict[tuple[str, str], tuple[float, Price | None]] = {}

    def price(self, model: ModelInfo, prompt_tokens: int) -> Price | None:
        """Return the list price for a prompt of that size, None when it is unknown."""
        now = self._clock.now()
        by_size = any(row.above_prompt_tokens is not None for row in model.prices)
        key = (model.provider, model.id)
        if not by_size and key in self._kept and self._kept[key][0] > now:
            return self._kept[key][1]
        price = self._host.price(model, moment(now), prompt_tokens)
        until = price.valid_until if price is not None else None
        self._kept[key] = (now + 3600.0 if until is None else until, price)
        return price

    def served(self, asked: ModelInfo, served: str, prompt_tokens: int) -> Price | None:
        """Return the price of the model that an answer names: that one is billed, not the one asked for.

        A dated or prefixed form of the model asked for is the same model. A name that nobody knows has no price.
        """
        model = self._models.get((asked.provider, served))
        if model is None and (not served or _same(asked.id, served)):
            model = asked
        return None if model is None else self.price(model, prompt_tokens)


def _same(asked: str, served: str) -> bool:
    plain = served.removeprefix("models/").casefold()
    short = asked.casefold()
    return (
        plain.startswith(short)
        or short.endswith(plain)
        or plain.rsplit("/", 1)[-1].startswith(short.rsplit("/", 1)[-1])
    )
