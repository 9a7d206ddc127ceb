"""The fastest first: by when the end of the answer is expected from each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from typing_extensions import override

from shunpike.builtin.expectations import expected_seconds
from shunpike.builtin.ordering import Placing, in_order, is_in_trouble
from shunpike.protocols import NeedsStates, Ranked, RoutableRequest, Strategy, Target, View


class Fastest(Strategy, NeedsStates):
    """Ranks by wait for a limit + time to the first token at this prompt's size + likely answer / tokens per second.

    What was seldom seen to answer is taken to be nearly as fast as is usual, so that it is tried where the others are
    slower than that.
    """

    name = "latency"
    needs_states = True

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        return in_order(_placed(target, request, view) for target in candidates)


def _placed(target: Target, request: RoutableRequest, view: View) -> Placing:
    state = view.states[target.label]
    seconds, trouble = expected_seconds(request, view, state), is_in_trouble(target, view)
    if seconds == inf:
        return Placing(target, inf, None, "a limit of it opens at no moment that is known", trouble)
    seen = "" if state.speed is not None else ", as is usual: it was not seen to answer yet"
    return Placing(target, seconds, seconds, f"about {seconds:.2g} s{seen}", trouble)
