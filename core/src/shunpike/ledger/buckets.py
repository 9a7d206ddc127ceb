"""The identity of what is shared: one string per account, scope, unit and window, the same in every process."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from shunpike.ledger.windows import Window
from shunpike.protocols import Target
from shunpike.types import Budget, Calendar, Held, Lifetime, Limit, Principal, Rolling, Scope

_UNNAMED_ACCOUNT = "default"


@lru_cache(maxsize=1_024)
def _part(text: str) -> str:
    return quote(text, safe="/:@.+-_")


def account_of(target: Target) -> str:
    """Return the name of the account: sections that name one account of a provider share it, others do not."""
    owner = target.name if target.account == _UNNAMED_ACCOUNT else target.provider.id
    return f"{_part(owner)}/{_part(target.account)}"


def _place(target: Target, scope: Scope, pool: str | None) -> str:
    match scope:
        case Scope.MODEL:
            return f"{account_of(target)}|model:{_part(target.model.id)}"
        case Scope.POOL if pool is not None:
            return f"{account_of(target)}|pool:{_part(pool)}"
        case Scope.KEY:
            # Each section has one key; sections of one account may have different ones.
            return f"{account_of(target)}|key:{_part(target.name)}"
        case Scope.IP:
            return f"{_part(target.provider.id)}|ip"
        case _:
            return f"{account_of(target)}|account"


def window_key(window: Window) -> str:
    """Return the window as a short, stable word."""
    match window:
        case Rolling(seconds=seconds):
            return f"rolling:{seconds:g}"
        case Calendar(period=period, zone=zone):
            return f"{period}:{zone}"
        case Lifetime():
            return "lifetime"
        case Held():
            return "held"


def bucket_of(target: Target, limit: Limit) -> str:
    """Return the bucket that ``limit`` counts in when ``target`` is called."""
    return f"{_place(target, limit.scope, limit.pool)}|{limit.unit}|{window_key(limit.window)}"


def gate_of(target: Target, scope: Scope, pool: str | None = None) -> str:
    """Return the bucket that is closed when a provider refuses a whole scope without naming a limit."""
    return f"{_place(target, scope, pool)}|gate"


def paid_gate_of(target: Target) -> str:
    """Return the bucket that is closed when the account's bill was above the worst case: to what can cost money."""
    return f"{account_of(target)}|paid"


def budget_bucket(budget: Budget, principal: Principal | None = None) -> str:
    """Return the bucket of a budget, the operator's or a principal's; changing its amount keeps what was spent."""
    owner = "budget" if principal is None else f"principal:{_part(principal.id)}"
    whose = "all" if budget.provider is None else f"provider:{_part(budget.provider)}"
    period = "lifetime" if budget.period == "lifetime" else f"{budget.period}:{budget.zone}"
    return f"{owner}|{whose}|{budget.unit}|{period}"


def principal_bucket(principal: Principal, limit: Limit) -> str:
    """Return the bucket of a principal's own limit, wherever it asks."""
    return f"principal:{_part(principal.id)}|all|{limit.unit}|{window_key(limit.window)}"
