"""The strategy ``quality``: small models for what looks simple, strong ones for what looks hard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

from typing_extensions import override

from shunpike.builtin.ordering import Placing, in_order, is_blocked
from shunpike.errors import ConfigError
from shunpike.patterns import matches
from shunpike.protocols import NeedsDifficulty, NeedsStates, Ranked, RoutableRequest, Strategy, Target, View
from shunpike.types import Calendar, Lifetime, Price, Remaining, Rolling

STRONG_SHARE = 0.3
"""The share of requests that are asked of strong models where ``strong_share`` says nothing else."""
SCARCE = 0.2
"""Below this share of a long window, what is left of strong models is kept for what is harder than usual."""
_LONG = 3600.0
"""Seconds: a shorter window is full again before anything could be kept for later."""
_AVERAGE = 0.5


class Quality(Strategy, NeedsStates, NeedsDifficulty):
    """Ranks by how difficult a request looks beside the recent ones, and by how good the answers of a model are.

    The hardest ``strong_share`` of requests begin with the strong models, best first; the others with the small ones,
    best first, and with strong ones only where no small one is left, the best at last. A model of unknown quality is
    taken for an average one of the candidates; among equals the dearer list price is taken for the stronger model.

    Options: ``strong_share`` (0 to 1), and ``strong``, patterns such as ``"*-pro"`` of the models that are strong.
    Where nobody says which are, it is those above the middle of the known qualities, or else of the list prices.
    """

    name = "quality"
    needs_states = True
    needs_difficulty = True

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raise `ConfigError` for an option that can't be."""
        given = options or {}
        self._share = _share(given.get("strong_share", STRONG_SHARE))
        self._patterns = _patterns(given.get("strong", ()))

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        if not candidates:
            return []
        worth = _worths(candidates, view)
        strong = self._strong(worth)
        share = self._share * _unspent([one for one in worth if strong(one)], view)
        # What was not assessed is no reason to give less than the best.
        hard = view.difficulty is None or (share > 0 and view.difficulty >= 1 - share)
        places = [_place(one, view, strong=strong(one), hard=hard) for one in worth]
        figures = {place: figure for figure, place in enumerate(sorted(set(places)))}
        return in_order(
            Placing(
                one.target,
                figures[place],
                one.quality,
                _why(one, view.difficulty, strong=strong(one), hard=hard),
                is_blocked(one.target, view.states[one.target.label], view),
            )
            for one, place in zip(worth, places, strict=True)
        )

    def _strong(self, worth: Sequence[_Worth]) -> Callable[[_Worth], bool]:
        """Return what tells the strong models from the small ones."""
        patterns = self._patterns
        if patterns:
            return lambda one: any(
                matches(pattern, name) for pattern in patterns for name in (one.target.label, one.target.model.id)
            )
        qualities = [one.expected for one in worth]
        if max(qualities) > min(qualities):
            middle = (max(qualities) + min(qualities)) / 2
            return lambda one: one.expected >= middle
        prices = [one.list_price for one in worth if one.list_price]
        # Prices differ by factors: the middle of 1 and 100 is 10.
        bar = sqrt(max(prices) * min(prices)) if prices else 0.0
        return lambda one: one.list_price >= bar


@dataclass(frozen=True, slots=True)
class _Worth:
    target: Target
    quality: float | None
    expected: float
    """Its quality as far as it is known, times how many of its answers were of use."""
    list_price: float
    """Pico-dollars of a token in and one out; 0 = unknown, or none."""


class _Place(NamedTuple):
    """Where a candidate stands among those that are open and cost as little: smallest first."""

    below: int
    not_meant: bool
    unverified: bool
    """Whether nobody has seen it there lately: a price of what may be gone is no sign of strength."""
    quality: float
    list_price: float


def _worths(candidates: Sequence[Target], view: View) -> list[_Worth]:
    states = [view.states[one.label] for one in candidates]
    known = [state.quality for state in states if state.quality is not None]
    average = sum(known) / len(known) if known else _AVERAGE
    return [
        _Worth(
            target,
            state.quality,
            (average if state.quality is None else state.quality) * (1.0 if state.usable is None else state.usable),
            _list_price(target.price if state.price is None else state.price),
        )
        for target, state in zip(candidates, states, strict=True)
    ]


def _list_price(price: Price | None) -> float:
    return 0.0 if price is None else float(price.prompt + price.completion)


def _place(one: _Worth, view: View, *, strong: bool, hard: bool) -> _Place:
    # A simple request that no small model can take goes to the least of the strong ones.
    up = -1.0 if hard or not strong else 1.0
    below, unverified = _below(one, view.min_quality), one.target.model.status == "unverified"
    return _Place(below, strong is not hard, unverified, up * one.expected, up * one.list_price)


def _below(one: _Worth, least: float | None) -> int:
    """Return 0 where the quality is what the caller wants, 1 where nobody knows, 2 where it is less."""
    if least is None or (one.quality is not None and one.expected >= least):
        return 0
    return 1 if one.quality is None else 2


def _unspent(strong: Iterable[_Worth], view: View) -> float:
    """Return 1 as long as a strong model has enough left of its longest windows, less the less the best of them has."""
    rooms = [_room(view.states[one.target.label].remaining) for one in strong]
    return max(rooms, default=1.0)


def _room(remaining: Iterable[Remaining]) -> float:
    left = [one.left / one.limit.amount for one in remaining if _is_long(one) and one.limit.amount]
    return min(1.0, max(min(left, default=1.0), 0.0) / SCARCE)


def _is_long(one: Remaining) -> bool:
    window = one.limit.window
    return isinstance(window, Calendar | Lifetime) or (isinstance(window, Rolling) and window.seconds >= _LONG)


def _why(one: _Worth, difficulty: float | None, *, strong: bool, hard: bool) -> str:
    if difficulty is None:
        looks = "not assessed, so the best first"
    else:
        looks = f"looks {'hard' if hard else 'simple'}: harder than {difficulty:.0%} of recent requests"
    known = "of unknown quality" if one.quality is None else f"quality {one.expected:.2f}"
    return f"{looks}; a {'strong' if strong else 'small'} model, {known}"


def _share(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ConfigError(
        f"strategy_options.strong_share must be from 0 to 1, got {value!r}",
        hint="such as 0.3: three in ten requests begin with a strong model",
    )


def _patterns(value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, Sequence) and all(isinstance(one, str) for one in listed):
        return tuple(listed)
    raise ConfigError(
        f"strategy_options.strong must be a list of names or patterns of models, got {value!r}",
        hint='such as strong = ["*-pro", "acme/m-large"]   ·   what there is: shunpike models',
    )
