"""From candidates to their order: rung by rung of the chain, each by its strategy, all that is free before what costs.

Pure, for pure strategies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shunpike.protocols import Ranked, RoutableRequest, Target, View
from shunpike.routing.blaming import NamedStrategy
from shunpike.routing.chain import Rung


class RungCandidates(NamedTuple):
    """The candidates of one rung, none of them on an earlier one, and what puts them in order."""

    candidates: tuple[Target, ...]
    strategy: NamedStrategy
    options: Mapping[str, Any]


def ranked_in_steps(steps: Sequence[RungCandidates], request: RoutableRequest, view: View) -> tuple[Ranked, ...]:
    """Return the candidates of all ``steps``: of all that are free, then of those that cost money, step by step."""
    if len(steps) == 1:
        return _ranked(steps[0], request, view)
    found: list[Ranked] = []
    first_group = 0
    for step in steps:
        ranked = _ranked(step, request, view)
        if first_group:
            # Equals are so within their rung only.
            ranked = tuple(one if one.group is None else one._replace(group=one.group + first_group) for one in ranked)
        first_group = max((one.group + 1 for one in ranked if one.group is not None), default=first_group)
        found += ranked
    found.sort(key=lambda one: one.target.paid)
    return tuple(found)


def _ranked(step: RungCandidates, request: RoutableRequest, view: View) -> tuple[Ranked, ...]:
    seen_by = view if step.options is view.options else replace(view, options=step.options)
    # A tuple is handed on as it is.
    return tuple(step.strategy.rank(step.candidates, request, seen_by))


def places_of(rungs: tuple[Rung, ...], steps: list[RungCandidates]) -> dict[str, int]:
    """Return label → place of the candidates of an alias; nothing where there is one place."""
    if len(rungs) == 1:
        return {}
    numbers = {place: number for number, place in enumerate(dict.fromkeys(rung.place for rung in rungs))}
    if len(numbers) == 1:
        return {}
    return {
        target.label: numbers[rung.place] for rung, step in zip(rungs, steps, strict=True) for target in step.candidates
    }
