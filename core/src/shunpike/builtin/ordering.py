"""What all strategies do alike: from what is known of each candidate to their order, with ties broken and equals named.

Free comes before paid, and what is blocked last of its kind, whatever the strategy says. Who is alike in that comes as
the owner listed them: by their providers, by the status of their models, by the models' own order, at last by label.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shunpike.protocols import Ranked, Target, TargetState, View

_STATUS = {"active": 0, "deprecated": 1, "unverified": 2, "retired": 3}


class Placing(NamedTuple):
    """A candidate with what it is placed by."""

    target: Target
    figure: float
    """The smallest comes first."""
    score: float | None = None
    """What persons are told instead of the figure."""
    why: str = ""
    blocked: bool = False
    alike: float | None = None
    """Those of one such figure are equals whatever the owner's order says; None = who is told apart by label only."""


def in_order(placings: Iterable[Placing]) -> list[Ranked]:
    """Return them in their order; neighbours that nothing but a label tells apart are a group of equals."""
    ranked: list[Ranked] = []
    last: tuple[float, ...] | None = None
    group = size = 0
    for place, _, one in sorted(((_place(one), one.target.label, one) for one in placings), key=_first_two):
        alike = place if one.alike is None else (one.target.paid, one.alike)
        if one.blocked or alike != last:
            group, size = group + 1, 0
        last, size = None if one.blocked else alike, size + 1
        if size == 1:
            ranked.append(Ranked(one.target, one.score, one.why))
            continue
        if size == 2:
            ranked[-1] = ranked[-1]._replace(group=group)
        ranked.append(Ranked(one.target, one.score, one.why, group))
    return ranked


def _place(one: Placing) -> tuple[float, ...]:
    target = one.target
    return (target.paid, one.blocked, one.figure, target.order, _STATUS[target.model.status], target.model_order)


def _first_two(row: tuple[tuple[float, ...], str, Placing]) -> tuple[tuple[float, ...], str]:
    return row[:2]


def is_in_trouble(target: Target, view: View) -> bool:
    """Whether ``target`` is known to be shut now, before anybody looked at its limits."""
    return bool(view.blocked_until) and view.blocked_until.get(target.label, 0.0) > view.now


def is_blocked(target: Target, state: TargetState, view: View) -> bool:
    """Whether nothing is sent to ``target`` now, be it in trouble or at a limit."""
    return (state.blocked_until or 0.0) > view.now or is_in_trouble(target, view)
