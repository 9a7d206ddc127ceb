"""What stands in the configuration and is of nothing: told once, unless something could be thought to be bounded by it.

A file is shared by machines, and by versions that know other settings, so that a strange name stops nothing. But who
wrote ``buget`` believes that money is bounded: a name that may be meant for what keeps something back is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel

from shunpike.errors import ConfigError
from shunpike.types import (
    Budget,
    FallOver,
    ModelAlias,
    Pace,
    ProviderSettings,
    RoutingSettings,
    Settings,
    Timeouts,
)
from shunpike.types.base import Record

SHOWN = "shunpike config show --origin"
_HARMLESS = frozenset(
    {
        *("attempt_share", "timeout", "max_attempts", "min_output", "order", "pace", "token_estimate"),
        *("strategy", "strategy_options", "timeouts", "wait", *Timeouts.model_fields, *Pace.model_fields),
        *("default_model", "targets"),
    }
)
"""Settings without which nothing is spent, overstepped or sent elsewhere; every other one keeps something back."""
_BOUND = re.compile(
    r"(?:^|_)(?:allow|api|auth|bill|budget|cap|cost|credit|deny|disable|dollar|free|key|limit|max|money|only|paid|pass"
    r"|pay|price|quota|rate|request|secret|spend|token|train|usd)",
    re.IGNORECASE,
)
"""What names of bounds and of secrets are made of, also of those that do not exist here."""
_TABLES: dict[str, type[BaseModel]] = {
    "providers.NAME": ProviderSettings,
    "providers.NAME.timeouts": Timeouts,
    "models.NAME": ModelAlias,
    "routing": RoutingSettings,
    "pace": Pace,
    "fall_over": FallOver,
    "": Settings,
}


class Doubt(Record):
    """A name that does not exist here. ``fatal``: nothing can be asked before it is corrected."""

    text: str
    name: str
    hint: str = SHOWN
    fatal: bool = False
    loud: bool = True
    """Whether it is told at work too; else only ``doctor`` names it: what can be installed may be so elsewhere."""


def unknown(path: tuple[str, ...], where: str, known: Iterable[str]) -> Doubt:
    """Return the doubt about a setting that does not exist; ``known`` are those of its table.

    Raises `ConfigError` where it may be meant as a bound on money, limits, or on what is sent where.
    """
    error = no_setting(path, where, known)
    name = path[-1].lower().replace("-", "_")
    sentence = error.message if error.message.endswith("?") else f"{error.message}."
    if _may_bound(name, known):
        told = "It may be meant to keep something back, so that it is not ignored"
        raise ConfigError(f"{sentence} {told}", hint=error.hint)
    return Doubt(text=f"{sentence} It is ignored", name=path[-1], hint="all there are: shunpike config reference")


def no_setting(path: tuple[str, ...], where: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a setting that does not exist, with the nearest one that does."""
    known = [name for name in known if name != "key"]
    found = get_close_matches(path[-1], known, n=1)
    guess = f". Did you mean {found[0]!r}?" if found else _elsewhere(path)
    table = ".".join(path[:-1])
    inside = f"[{table}] has: " if table else "there are: "
    return ConfigError(f"{where}: there is no setting {'.'.join(path)!r}{guess}", hint=inside + ", ".join(known))


def _may_bound(name: str, known: Iterable[str]) -> bool:
    """Tell whether ``name`` may be meant to keep something back: it is nearly such a setting, or made of such words."""
    everywhere = {*known, *(one for model in _TABLES.values() for one in _names(model)), *Budget.model_fields}
    surely = get_close_matches(name, sorted(everywhere), n=1, cutoff=0.8)
    if surely or _BOUND.search(name):
        return not surely or surely[0] not in _HARMLESS
    perhaps = get_close_matches(name, [*known], n=1)
    return bool(perhaps) and perhaps[0] not in _HARMLESS


def _elsewhere(path: tuple[str, ...]) -> str:
    """Return the nearest setting of another table, and that table."""
    for table, model in _TABLES.items():
        found = get_close_matches(path[-1], _names(model), n=1, cutoff=0.8)
        if found:
            return f". Did you mean {found[0]!r} {f'in [{table}]' if table else 'at the top of the file'}?"
    return ""


def _names(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if not field.exclude]
