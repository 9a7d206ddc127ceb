"""What is set up and what state it is in: for `doctor`, `providers` and dashboards."""

from __future__ import annotations

from datetime import date

from shunpike.client.accounts import Account
from shunpike.types import Remaining
from shunpike.types.base import Record


class ProviderStatus(Record):
    """One provider as it stands now. ``key_tail`` is at most the last four characters."""

    name: str
    title: str
    version: str
    env_key: str | None
    key_origin: str | None
    key_tail: str | None
    key_url: str | None
    base_url: str
    simulated: bool
    enabled: bool
    tier: str
    billing: str
    order: int
    models: int
    as_of: date
    state: str
    """``ready``, ``no key``, ``unusable key``, ``switched off``, ``broken``, or ``standby``: a sandbox beside something
    real."""
    problem: str | None = None
    """What its plugin does wrong."""
    key_problem: str | None = None
    """Why what stands where its key should be can't be one."""
    key_hint: str | None = None
    remaining: tuple[Remaining, ...] = ()


def provider_status(
    account: Account, *, version: str, models: int, remaining: tuple[Remaining, ...], standby: bool
) -> ProviderStatus:
    """Return the row of one account."""
    info, settings = account.info, account.settings
    return ProviderStatus(
        name=account.name,
        title=info.title,
        version=version,
        env_key=settings.key_env or info.env_key,
        key_origin=account.key.origin or None,
        key_tail=account.key.tail,
        key_url=info.key_url,
        base_url=settings.base_url or info.base_url,
        simulated=info.simulated,
        enabled=settings.enabled,
        tier=account.tier.name,
        billing=account.tier.billing.value,
        order=info.order if settings.order is None else settings.order,
        models=models,
        as_of=info.as_of,
        state=account.problem or ("standby" if standby else "ready"),
        problem=None if account.broken is None else account.broken.message,
        key_problem=account.key.problem,
        key_hint=account.key.hint,
        remaining=remaining,
    )
