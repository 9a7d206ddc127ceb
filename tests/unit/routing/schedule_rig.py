"""Targets by a letter for the account and a number for the model, and failures by what they close."""

from __future__ import annotations

from math import inf
from typing import Any

from shunpike.protocols import Target
from shunpike.routing.schedule import Bounds, Schedule
from shunpike.routing.trouble import Setback, TroublePlace, TroubleScope
from shunpike_testkit.targets import target

PAID = "yz"
"""The accounts that cost money."""


def of(label: str) -> Target:
    name, _, model = label.partition("/")
    return target(name=name, model=model, paid=name in PAID)


def where(one: Target) -> TroublePlace:
    return TroublePlace(one.label, one.name, f"https://{one.name}.test", one.name)


def schedule(*labels: str, **bounds: Any) -> Schedule:
    return Schedule([of(label) for label in labels], where, Bounds(**{"attempts": 8, **bounds}))


def setback(scope: TroubleScope, closed_until: float | None = None, **more: Any) -> Setback:
    return Setback(scope, "trouble", "trouble: lost", closed_until, **more)


def until(one: Setback) -> float:
    """Return when it opens: in these tests both clocks show the same."""
    return inf if one.closed_until is None else one.closed_until


DOWN = setback(TroubleScope.ORIGIN, 1.0, sure=False)
BUSY = setback(TroubleScope.MODEL, 1.0, sure=False, shared=True)
GONE = setback(TroubleScope.MODEL)
