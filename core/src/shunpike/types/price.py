"""What a model costs, in whole pico-dollars per token and per request."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Self

from pydantic import field_validator

from shunpike.types.base import Moment, Record
from shunpike.types.money import PICO, Money, amount_in_words
from shunpike.types.usage import Usage

_MILLION = 10**6


class Price(Record):
    """What a model costs: pico-dollars per token of each kind, and per request.

    Prompt tokens include cached and cache-write ones, completion tokens include reasoning (see `Usage`).
    A part that is None costs what its whole costs: unknown cached tokens are billed as prompt tokens.
    """

    prompt: int
    completion: int
    cached: int | None = None
    cache_write: int | None = None
    request: int = 0
    valid_until: Moment | None = None
    """Epoch seconds until which this price may be kept; None = until the catalog changes."""
    at_most: bool = False
    """True when it is the dearest of several of which nobody knows which one is billed."""

    @field_validator("prompt", "completion", "cached", "cache_write", "request")
    @classmethod
    def _not_negative(cls, value: int | None) -> int | None:
        # OpenRouter's router models report -1: such a number must never price a call.
        if value is not None and value < 0:
            raise ValueError(f"a price can't be negative, got {value}")
        return value

    @classmethod
    def per_million(cls, prompt: str, completion: str, *, cached: str | None = None) -> Self:
        """Return the price from dollars per million tokens, as published; strings, so that they are exact."""
        return cls(
            prompt=per_token(prompt),
            completion=per_token(completion),
            cached=None if cached is None else per_token(cached),
        )

    @property
    def is_zero(self) -> bool:
        """True when nothing at all costs anything: an explicit zero, not an unknown price."""
        return not any((self.prompt, self.completion, self.cached, self.cache_write, self.request))

    def times(self, factor: Decimal) -> Price:
        """Return the price at ``factor`` of this one, as for a tier of service; each part rounded up."""

        def part(pico: int) -> int:
            return int((pico * factor).to_integral_value(ROUND_CEILING))

        return self.model_copy(
            update={
                "prompt": part(self.prompt),
                "completion": part(self.completion),
                "cached": None if self.cached is None else part(self.cached),
                "cache_write": None if self.cache_write is None else part(self.cache_write),
                "request": part(self.request),
            }
        )

    def dearer(self, other: Price) -> Price:
        """Return the price of which each part is the dearer one, for when it is not known which of two holds.

        It says `at_most` where the two differ.
        """
        untils = [until for until in (self.valid_until, other.valid_until) if until is not None]
        return Price(
            prompt=max(self.prompt, other.prompt),
            completion=max(self.completion, other.completion),
            cached=_dearer(self.cached, self.prompt, other.cached, other.prompt),
            cache_write=_dearer(self.cache_write, self.prompt, other.cache_write, other.prompt),
            request=max(self.request, other.request),
            valid_until=min(untils, default=None),
            at_most=self.at_most or other.at_most or self._figures() != other._figures(),
        )

    def _figures(self) -> tuple[int, ...]:
        """What each part costs: one that is not named costs what its whole costs."""
        cached = self.prompt if self.cached is None else self.cached
        write = self.prompt if self.cache_write is None else self.cache_write
        return self.prompt, self.completion, cached, write, self.request

    def of(self, usage: Usage) -> Money:
        """Return what ``usage`` costs; additive over usages, apart from the part per request."""
        cached_rate = self.prompt if self.cached is None else self.cached
        write_rate = self.prompt if self.cache_write is None else self.cache_write
        plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        prompt = plain * self.prompt + usage.cached_tokens * cached_rate + usage.cache_write_tokens * write_rate
        return Money.model_construct(pico=prompt + usage.completion_tokens * self.completion + self.request)

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Money:
        """Return the most that so many tokens can cost, whatever part of the prompt is cached or written."""
        dearest = max(self.prompt, self.cached or 0, self.cache_write or 0)
        return Money.model_construct(pico=prompt_tokens * dearest + completion_tokens * self.completion + self.request)


def _dearer(one: int | None, one_whole: int, other: int | None, other_whole: int) -> int | None:
    """A part that is None costs what its whole costs."""
    if one is None and other is None:
        return None
    return max(one_whole if one is None else one, other_whole if other is None else other)


def price_in_words(prompt: str, completion: str) -> str:
    """Return the price of a million tokens in and out for a person, exactly as published."""
    return " / ".join(amount_in_words(Decimal(part), rounding=None) for part in (prompt, completion))


def per_token(dollars_per_million: str) -> int:
    """Return pico-dollars per token, rounded up. Raises `ValueError` for what is not a number."""
    try:
        amount = Decimal(dollars_per_million)
    except ArithmeticError as error:
        raise ValueError(f"{dollars_per_million!r} is not a price in dollars per million tokens") from error
    return int((amount * PICO / _MILLION).to_integral_value(ROUND_CEILING))


FREE = Price(prompt=0, completion=0)
