"""The default strategy: free before paid, then the configured order of providers, then of their models."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from shunpike.protocols import Ranked, RoutableRequest, Strategy, Target, View

_STATUS = {"active": 0, "deprecated": 1, "unverified": 2, "retired": 3}


class Priority(Strategy):
    """Ranks by (costs money, provider's order, model's status, model's order); blocked targets go last."""

    name = "priority"

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        return [Ranked(target) for target in sorted(candidates, key=lambda target: _key(target, view))]


def _key(target: Target, view: View) -> tuple[bool, bool, int, int, int, str]:
    blocked = bool(view.blocked_until) and view.blocked_until.get(target.label, 0.0) > view.now
    return (target.paid, blocked, target.order, _STATUS[target.model.status], target.model_order, target.label)
