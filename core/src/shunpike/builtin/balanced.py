"""A bit of everything: cost, latency, quality and even use, weighed against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from shunpike.builtin.capacity import share_left
from shunpike.builtin.expectations import expected_cost, expected_seconds
from shunpike.builtin.ordering import Placing, in_order, is_blocked
from shunpike.errors import ConfigError
from shunpike.protocols import NeedsStates, Ranked, RoutableRequest, Strategy, Target, View
from shunpike.validation import near

PARTS = ("cost", "latency", "quality", "spread")
SLOW = 5.0
"""Seconds that count for half of the worst: a wait without an end is the worst."""
_MIDDLING = 0.5
"""The quality of all where none is known."""


class Balanced(Strategy, NeedsStates):
    """Ranks by the weighted mean of four figures from 0, the best, to 1.

    Cost: by the dearest candidate. Latency: t / (t + `SLOW`). Quality: what is missing; an unknown one is as the mean
    of the known ones. Spread: what is used up of the scarcest limit.

    Args:
        weights: Part → its weight, 1 where none is named.

    """

    name = "balanced"
    needs_states = True

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        given = dict.fromkeys(PARTS, 1.0) | dict(weights or {})
        total = math.fsum(given.values())
        self._weights = {part: given[part] / total for part in PARTS}

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        costs = {one.label: expected_cost(one, request, view, view.states[one.label]) for one in candidates}
        dearest = max((pico for pico in costs.values() if pico is not None), default=0)
        known = sorted(quality for one in candidates if (quality := view.states[one.label].quality) is not None)
        usual = math.fsum(known) / len(known) if known else _MIDDLING
        return in_order(self._placed(one, request, view, (costs[one.label], dearest), usual) for one in candidates)

    def _placed(
        self, target: Target, request: RoutableRequest, view: View, cost: tuple[int | None, int], usual: float
    ) -> Placing:
        state = view.states[target.label]
        seconds, (pico, dearest) = expected_seconds(request, view, state), cost
        figures = {
            "cost": 1.0 if pico is None else pico / dearest if dearest else 0.0,
            "latency": 1.0 if seconds == math.inf else seconds / (seconds + SLOW),
            "quality": 1.0 - (usual if state.quality is None else state.quality),
            "spread": 1.0 - share_left(state),
        }
        # Rounded, so that those who are alike in all that is known are told apart by their order.
        figure = round(math.fsum(self._weights[part] * figures[part] for part in PARTS), 9)
        why = ", ".join(f"{part} {figures[part]:.2f}" for part in PARTS if self._weights[part])
        return Placing(target, figure, figure, why, is_blocked(target, state, view))


def weights_of(options: Mapping[str, Any]) -> dict[str, float]:
    """Return the weights in ``strategy_options``. Raises `ConfigError` for what are none."""
    given = options.get("weights", {})
    if not isinstance(given, Mapping):
        raise _wrong("strategy_options.weights", given, "a table of parts and their weights")
    for part, weight in given.items():
        where = f"strategy_options.weights.{part}"
        if part not in PARTS:
            raise ConfigError(f"{where}: there is no such part{near(str(part), PARTS)}", hint=_HINT)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise _wrong(where, weight, "a number from 0 up")
    if not any((dict.fromkeys(PARTS, 1.0) | dict(given)).values()):
        raise _wrong("strategy_options.weights", dict(given), "at least one weight above 0")
    return dict(given)


_HINT = f"parts that can be weighed: {', '.join(PARTS)}, such as strategy_options = {{ weights = {{ cost = 2 }} }}"


def _wrong(where: str, value: object, expected: str) -> ConfigError:
    return ConfigError(f"{where}: expected {expected}, got {value!r}", hint=_HINT)
