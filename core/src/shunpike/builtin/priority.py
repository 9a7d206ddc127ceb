"""The default strategy: free before paid, then the configured order of providers, then of their models."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from shunpike.builtin.ordering import Placing, in_order
from shunpike.protocols import Ranked, RoutableRequest, Strategy, Target, View

_REMEMBERED = 64
"""Orders that are known: requests that ask for the same get the same tuple of candidates."""


class Priority(Strategy):
    """Ranks by (costs money, provider's order, model's status, model's order); blocked targets go last."""

    name = "priority"

    def __init__(self) -> None:
        self._known: dict[tuple[int, frozenset[str]], tuple[Sequence[Target], tuple[Ranked, ...]]] = {}

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        shut = view.blocked_until
        blocked = frozenset(label for label, until in shut.items() if until > view.now) if shut else _NONE
        if not isinstance(candidates, tuple):
            return _ranked(candidates, blocked)
        # The request changes nothing: a tuple that was ranked before while the same was blocked is not ranked again.
        known = self._known.get((id(candidates), blocked))
        if known is None or known[0] is not candidates:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[id(candidates), blocked] = candidates, tuple(_ranked(candidates, blocked))
        return known[1]


def _ranked(candidates: Sequence[Target], blocked: frozenset[str]) -> list[Ranked]:
    return in_order(Placing(one, 0.0, blocked=bool(blocked) and one.label in blocked) for one in candidates)


_NONE: frozenset[str] = frozenset()
