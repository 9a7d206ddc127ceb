"""What is set up and what state it is in: for `doctor`, `providers` and dashboards."""

from __future__ import annotations

from datetime import date

from shunpike.errors import ConfigError
from shunpike.runtime.accounts import Account
from shunpike.types import ProviderSettings, Remaining
from shunpike.types.base import Record
from shunpike.wire.network import Network
from shunpike.wire.slim_httpx import httpx


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
    proxy: str | None = None
    """The proxy that it is asked through and where that was named, without password; None = directly."""
    trusted: str | None = None
    """By which certificates it is known, None where its address is not of https."""
    remaining: tuple[Remaining, ...] = ()


def provider_status(
    account: Account, *, version: str, models: int, remaining: tuple[Remaining, ...], standby: bool
) -> ProviderStatus:
    """Return the row of one account."""
    info, settings = account.info, account.settings
    proxy, trusted = _way(settings, settings.base_url or info.base_url)
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
        order=account.order,
        models=models,
        as_of=info.as_of,
        state=account.problem or ("standby" if standby else "ready"),
        problem=None if account.broken is None else account.broken.message,
        key_problem=account.key.problem,
        key_hint=account.key.hint,
        proxy=proxy,
        trusted=trusted,
        remaining=remaining,
    )


def _way(settings: ProviderSettings, address: str) -> tuple[str | None, str | None]:
    """Return proxy and certificates for a person; what is wrong with them shows where a backend is made."""
    try:
        origin = httpx.URL(address)
        way = Network.of(settings).way_to(origin)
    except (ConfigError, httpx.InvalidURL):
        return None, None
    return way.proxy and str(way.proxy), way.trusted.text if origin.scheme == "https" else None
