"""What is set up and what state it is in: for `doctor`, `providers` and dashboards."""

from __future__ import annotations

from datetime import date

from shunpike.errors import ConfigError
from shunpike.protocols import Target
from shunpike.runtime.accounts import Account
from shunpike.runtime.endpoints import shown_at
from shunpike.runtime.runtime import Runtime
from shunpike.types import ProviderSettings, Remaining
from shunpike.types.base import Record
from shunpike.types.control import Override
from shunpike.wire.network import Network
from shunpike.wire.slim_httpx import httpx

ASKED = 2_592_000.0
"""Seconds for which a model that was asked is remembered, where nothing else names what an endpoint has."""


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
    """``ready``, ``no key``, ``unusable key``, ``switched off`` (by its section), ``disabled`` (by an operator),
    ``broken``, or ``standby``: a sandbox beside something real."""
    disabled: Override | None = None
    """The switch that keeps it from being asked, with who set it, when and why."""
    disabled_models: tuple[Override, ...] = ()
    """The switches that keep single models of it from being asked."""
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


async def statuses(runtime: Runtime) -> tuple[ProviderStatus, ...]:
    """Return every installed or configured provider and the state it is in."""
    await runtime.obey()
    host, targets = runtime.host, runtime.targets
    versions = {loaded.name: loaded.version for loaded in host.loaded}
    rows = []
    for account in runtime.snapshot.accounts.values():
        own = [target for target in targets.targets if target.name == account.name]
        limits = [await runtime.ledger.remaining(target) for target in own]
        row = provider_status(
            account,
            version=versions.get(host.owner(account.plugin), "?"),
            models=_count(runtime, account),
            remaining=tuple(one for group in limits for one in group),
            standby=account.info.simulated and targets.real,
        )
        rows.append(row.model_copy(update={"disabled_models": runtime.snapshot.controls.models_off(account.name)}))
    return tuple(rows)


def _count(runtime: Runtime, account: Account) -> int:
    """Return how many models ``account`` offers, as far as it is known."""
    if account.own:
        return len(runtime.endpoints.models(account))
    if account.broken is not None:
        return 0
    return sum(model.status != "retired" for model in runtime.host.models(account.info.id))


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
        disabled=account.disabled,
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


async def limits_shown(runtime: Runtime) -> tuple[tuple[Target, Remaining], ...]:
    """Return every limit in force with what is left of it, each shared bucket once."""
    seen: set[str] = set()
    rows = []
    for target in await _targets(runtime):
        for one in await runtime.ledger.remaining(target):
            if one.bucket not in seen:
                seen.add(one.bucket)
                rows.append((target, one))
    return tuple(rows)


async def _targets(runtime: Runtime) -> list[Target]:
    """A custom endpoint is not asked for this: its models are those that were named, or asked lately."""
    own = {account.name: account for account in runtime.snapshot.custom}
    found = [target for target in runtime.targets.targets if target.name not in own]
    if not own:
        return found
    now, asked = runtime.clock.now(), {name: set[str]() for name in own}
    for row in await runtime.ledger.usage(now - ASKED, now + 1.0):
        asked.get(row.provider, set()).add(row.model)
    return found + [one for name in own for one in shown_at(own[name], runtime.endpoints, asked[name])]
