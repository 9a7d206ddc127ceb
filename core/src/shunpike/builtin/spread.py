"""Even use of what is free: whoever has most left of its limits first, and strong models with a scarce quota last."""

from __future__ import annotations

import math
from collections.abc import Sequence

from typing_extensions import override

from shunpike.builtin.capacity import scarce_and_strong, share_left, supply
from shunpike.builtin.ordering import Placing, in_order, is_blocked
from shunpike.protocols import NeedsStates, Ranked, RoutableRequest, Strategy, Target, View

_STEPS = 10
"""Those whose shares are in one tenth are equals."""


class EvenUse(Strategy, NeedsStates):
    """Ranks by the share that is left of the limit of which least is left.

    A strong model of which there is little is kept for those who ask for it, or for quality: it comes after all that
    is free. A target without limits has all left, and comes before them.
    """

    name = "spread"
    needs_states = True

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        supplies = {one.label: supply(request, view, view.states[one.label]) for one in candidates}
        kept = scarce_and_strong(candidates, supplies)
        return in_order(_placed(target, view, kept=target.label in kept) for target in candidates)


def _placed(target: Target, view: View, *, kept: bool) -> Placing:
    state = view.states[target.label]
    share = share_left(state)
    figure, why = (2.0 if kept else 1.0) - share, f"{share:.0%} left"
    if kept:
        why += "; it is strong and scarce, so it is kept"
    alike = 2.0 * _STEPS - math.ceil(share * _STEPS) if kept else _STEPS - math.ceil(share * _STEPS)
    return Placing(target, figure, share, why, is_blocked(target, state, view), alike)
