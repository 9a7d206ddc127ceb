"""What a project's file may set although nobody has said that it can be trusted.

A `shunpike.toml` comes with a folder, and the folder may come from anybody. Without trust it may say what costs
nothing, redirects nothing and loosens nothing of what holds without it. **A setting that is not named here needs
trust**: who adds a field to the schema need not think of this page, and who adds a line here must.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shunpike.builtin.strategies import OWN_STRATEGIES
from shunpike.config.merge import Layer
from shunpike.config.schema import Path, field_of, general, is_table
from shunpike.types import Budget, Limit, Money, Unit

HOUR = 3600.0
"""Seconds that a stranger may make a request take at most; what the owner allows may be more."""
BUILT_IN = frozenset(OWN_STRATEGIES)


class OwnersValues:
    """What holds without the file: what the owner's layers say, else the defaults."""

    def __init__(self, leaves: Layer) -> None:
        self._leaves = leaves

    def __contains__(self, path: Path) -> bool:
        """Tell whether the owner has said something of ``path``."""
        return path in self._leaves

    @property
    def money(self) -> bool:
        """Whether a request may cost something."""
        return bool(self[("allow_paid",)])

    def __getitem__(self, path: Path) -> Any:
        """Return the value at ``path``; None for one in a table of the owner's own that nobody set."""
        if path in self._leaves:
            return self._leaves[path].value
        if len(path) == 4 and path[2] == "pace":  # there it is as for all
            return self[path[2:]]
        field = None if is_table(path) else field_of(path)
        return None if field is None else field.get_default(call_default_factory=True)


Rule = Callable[[Any, Path, OwnersValues], bool]
"""Tells whether a value, at its path, does no harm beside what holds. Its docstring says the same to a reader."""


def _any(_value: Any, _path: Path, _held: OwnersValues) -> bool:
    """Whatever it says."""
    return True


def _no_more(value: Any, path: Path, held: OwnersValues) -> bool:
    """Where it is no more than what holds otherwise."""
    return bool(value <= held[path])


def _an_hour(value: Any, path: Path, held: OwnersValues) -> bool:
    """Up to what you have set, or up to an hour where you have set nothing."""
    return _no_more(value, path, held) if path in held else bool(value <= HOUR)


def _unsaid(_value: Any, path: Path, held: OwnersValues) -> bool:
    """Where you have set nothing."""
    return path not in held


def _only(harmless: Any) -> Rule:
    def rule(value: Any, _path: Path, _held: OwnersValues) -> bool:
        return bool(value == harmless)

    rule.__doc__ = f"Only `{json.dumps(harmless)}`."
    return rule


def _built_in(value: Any, path: Path, held: OwnersValues) -> bool:
    """Among the core's own."""
    # A plugin's strategy may be the owner's guard, and takes what options it likes.
    return value in BUILT_IN and held[path] in BUILT_IN


def _fewer(value: tuple[str, ...], path: Path, held: OwnersValues) -> bool:
    """Where it leaves fewer than what holds otherwise."""
    return not held[path] or (bool(value) and set(value) <= set(held[path]))


def _no_faster(value: Any, path: Path, held: OwnersValues) -> bool:
    """Where it is no faster than what holds otherwise."""
    there = held[path]
    if path[-1] == "interactive_share":
        return int(value.removesuffix("%")) >= int(there.removesuffix("%"))
    return bool(value >= there) if path[-1] == "smooth" else bool(value <= there)


def _smaller(value: tuple[Budget, ...], path: Path, held: OwnersValues) -> bool:
    """Where every budget that holds otherwise is there, and none is larger or new."""
    # A first one opens what nothing bounded.
    mine, theirs = _bounds(held[path]), _bounds(value)
    return mine.keys() == theirs.keys() and all(amount <= mine[key] for key, amount in theirs.items())


def _bounds(budgets: tuple[Budget, ...]) -> dict[tuple[str, str, str | None, str], int]:
    """Return what each period, zone and provider is bounded by: of several budgets the smallest binds."""
    found: dict[tuple[str, str, str | None, str], int] = {}
    for one in budgets:
        key = (one.period, one.zone, one.provider, one.counts)
        found[key] = min(one.amount.pico, found.get(key, one.amount.pico))
    return found


def _tighter(value: tuple[Any, ...], path: Path, held: OwnersValues) -> bool:
    """Where none holds otherwise, and none of them is in dollars or overrides."""
    # One in dollars would be the bound that a paid provider needs.
    return not held[path] and not any(
        isinstance(one, Limit) and (one.overrides or one.unit is Unit.USD) for one in value
    )


def _no_dearer(value: Money | None, path: Path, held: OwnersValues) -> bool:
    """Where it is no more than what holds otherwise."""
    return value is not None and (held[path] is None or bool(value <= held[path]))


HARMLESS: dict[Path, Rule] = {
    ("strategy",): _built_in,
    ("affinity",): _any,
    ("affinity_idle",): _an_hour,
    ("order",): _any,
    ("allow_paid",): _only(False),
    ("no_training",): _only(harmless=True),
    ("budgets",): _smaller,
    ("pace", "smooth"): _no_faster,
    ("pace", "interactive_share"): _no_faster,
    ("pace", "curve"): _no_faster,
    ("token_estimate",): _only("worst_case"),
    ("min_output",): _unsaid,
    ("max_attempts",): _no_more,
    ("max_cost",): _no_dearer,
    ("hedge",): _only(False),
    ("timeout",): _an_hour,
    ("wait",): _only(False),
    ("attempt_share",): _unsaid,
    ("providers", "*"): _any,  # the name alone
    ("providers", "*", "enabled"): _only(False),
    ("providers", "*", "order"): _any,
    ("providers", "*", "models"): _fewer,
    ("providers", "*", "limits"): _tighter,
    ("providers", "*", "pace", "smooth"): _no_faster,
    ("providers", "*", "pace", "interactive_share"): _no_faster,
    ("providers", "*", "pace", "curve"): _no_faster,
    ("providers", "*", "timeouts", "connect"): _an_hour,
    ("providers", "*", "timeouts", "first_token"): _an_hour,
    ("providers", "*", "timeouts", "idle"): _an_hour,
    ("providers", "*", "timeouts", "total"): _an_hour,
}
"""Setting → when it holds without trust; ``*`` is the name of any provider. What needs trust is what is not here."""
STEERING = frozenset(
    {
        ("strategy",),
        ("order",),
        ("max_attempts",),
        ("wait",),
        ("timeout",),
        ("attempt_share",),
        ("pace", "smooth"),
        ("pace", "interactive_share"),
        ("pace", "curve"),
        ("min_output",),
        *(path for path in HARMLESS if path[0] == "providers" and len(path) > 2),
    }
)
"""What decides who answers. Where the owner allows money it needs trust: it could lead from what is free to what costs.
"""


def in_words(path: Path) -> str | None:
    """Return when the setting at ``path`` holds without trust, for a reader; None where it never does."""
    said = HARMLESS[general(path)].__doc__ if may_hold(path) else None
    if said is None:
        return None
    unless = ", unless your own settings have `allow_paid` on" if general(path) in STEERING else ""
    return said[:1].lower() + said[1:].rstrip(".") + unless


def may_hold(path: Path) -> bool:
    """Tell whether the setting at ``path`` may hold without trust, with some value."""
    return general(path) in HARMLESS


def is_harmless(path: Path, value: Any, held: OwnersValues) -> bool:
    """Tell whether ``value`` at ``path`` may hold although the file that says so is not trusted."""
    rule = HARMLESS.get(general(path))
    if rule is None or (held.money and general(path) in STEERING):
        return False
    return rule(value, path, held)
