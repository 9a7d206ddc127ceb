"""The cheapest first: by what this very request is expected to cost at each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from typing_extensions import override

from shunpike.builtin.expectations import expected_cost
from shunpike.builtin.ordering import Placing, in_order, is_blocked
from shunpike.protocols import NeedsStates, Ranked, RoutableRequest, Strategy, Target, View
from shunpike.types import Money


class Cheapest(Strategy, NeedsStates):
    """Ranks by the expected cost: prompt, likely answer and cache at the price that this size has at this moment.

    What draws on a granted credit is reckoned at its list price; an unknown price comes last of its kind.
    """

    name = "cost"
    needs_states = True

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        return in_order(_placed(target, request, view) for target in candidates)


def _placed(target: Target, request: RoutableRequest, view: View) -> Placing:
    state = view.states[target.label]
    blocked, pico = is_blocked(target, state, view), expected_cost(target, request, view, state)
    if pico is None:
        return Placing(target, inf, None, "its price is unknown", blocked)
    if pico == 0:
        return Placing(target, 0, 0.0, "it costs nothing", blocked)
    money = Money.model_construct(pico=pico)
    return Placing(target, pico, float(money), f"about {money}", blocked)
