"""What ``doctor`` looks at, one finding for each thing."""

from __future__ import annotations

import platform
import warnings
from importlib.metadata import version

from shunpike.cli import blocks, networks
from shunpike.cli.addresses import overridden
from shunpike.cli.ages import aged
from shunpike.cli.findings import Finding, Level, broken, found
from shunpike.cli.forms import left_at
from shunpike.client import OWN, Client, ProviderStatus
from shunpike.clock import SystemClock, duration, moment
from shunpike.config import KeyStore, Loaded, default_store, load, without_password
from shunpike.control import why_off
from shunpike.errors import AuthError, ConfigError, ConfigWarning, ShunpikeError, UsageError
from shunpike.installation import install_hint
from shunpike.plugins import Host
from shunpike.routing.hints import OWN_FILE, PAY
from shunpike.runtime.names import all_doubts, strategy_doubts
from shunpike.types import Billing, Limit, Money, ProviderSettings, Settings, Unit
from shunpike.types.base import label


async def examine(*, online: bool) -> list[Finding]:
    """Return what was found. Nothing here raises: what is broken becomes a finding, and the rest is still examined."""
    findings = [
        found(
            "Setup",
            Level.OK,
            f"shunpike {version('shunpike')}, Python {platform.python_version()}, {platform.system()}",
        )
    ]
    loaded = _configuration(findings)
    _stored_keys(findings)
    _plugins(findings, loaded)
    if loaded is None:
        return findings
    try:
        async with _unwarned(loaded) as client:
            _names(findings, loaded, client)
            if await _ledger(findings, client):
                await _books(findings, client)
            await _providers(findings, client, online=online)
            elsewhere = overridden(loaded.origins, client.settings, client.host)
            findings.extend(found("Providers", Level.NOTE, one.text) for one in elsewhere)
    except ShunpikeError as error:
        findings.append(broken("Providers", error))
    return findings


def _unwarned(loaded: Loaded) -> Client:
    """Return a client that warns of nothing: what it would warn of is found here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)
        return Client(loaded)


def _configuration(findings: list[Finding]) -> Loaded | None:
    try:
        loaded = load()
    except ConfigError as error:
        findings.append(broken("Setup", error))
        return None
    chosen = sum(one.origin != "default" for one in loaded.origins)
    files = ", ".join(str(file) for file in loaded.files) or "no file, which is fine"
    findings.append(found("Setup", Level.OK, f"configuration is valid: {chosen} values set ({files})"))
    if loaded.ignored is not None:
        findings.append(found("Setup", Level.WARNING, loaded.ignored.text, loaded.ignored.hint))
    return loaded


def _stored_keys(findings: list[Finding]) -> None:
    store = KeyStore()
    mode = store.mode()
    if mode is None:
        findings.append(found("Setup", Level.NOTE, f"no stored keys ({store.path})"))
        return
    try:
        names = store.names()
    except ConfigError as error:
        findings.append(broken("Setup", error))
        return
    if mode & 0o077:
        findings.append(
            found("Setup", Level.WARNING, f"{store.path} could be read by others (mode {mode:o}); it is mode 600 now")
        )
    findings.append(found("Setup", Level.OK, f"{len(names)} stored keys in {store.path} (mode 600)"))


def _plugins(findings: list[Finding], loaded: Loaded | None) -> None:
    host = Host.load(loaded.settings.disabled_plugins if loaded else ())
    findings.append(found("Plugins", Level.OK, "loaded: " + ", ".join(one.name for one in host.loaded)))
    findings.extend(
        found(
            "Plugins",
            Level.PROBLEM,
            f"{one.name} ({one.distribution} {one.version}) is broken: {one.reason}",
            f'upgrade or uninstall {one.distribution}, or switch it off, {OWN_FILE}: disabled_plugins = ["{one.name}"]',
        )
        for one in host.broken
    )


def _names(findings: list[Finding], loaded: Loaded, client: Client) -> None:
    """Names that are of nothing here. A shared file may well name what is not installed on this machine."""
    for one in (*all_doubts(loaded, client.host, KeyStore()), *strategy_doubts(loaded.settings, client.host)):
        level = Level.PROBLEM if one.fatal else Level.WARNING
        findings.append(found("Setup", level, one.text, install_hint(one.name) or one.hint))


async def _ledger(findings: list[Finding], client: Client) -> bool:
    try:
        words = await client.check_store()
        findings.append(
            found("Setup", Level.OK, f"ledger {without_password(client.settings.store or default_store())}: {words}")
        )
    except ShunpikeError as error:
        findings.append(broken("Setup", error))
        return False
    return True


async def _books(findings: list[Finding], client: Client) -> None:
    """What the books tell of surprises: refusals that they did not expect, and ends that nobody knows."""
    try:
        overages = [(target, one) for target, one in await client.limits() if one.overages]
        closed = await client.closed()
        unknown = await client.ledger.unconfirmed() if client.ledger.can_reconcile else ()
    except ShunpikeError as error:
        findings.append(broken("Limits", error))
        return
    for target, one in overages:
        times = "once" if one.overages == 1 else f"{one.overages:,} times"
        text = f"{label(target.name, target.model.id)} refused {times} by {one.limit.text}, while our books had room"
        hint = "does something else use its key? what is left now: shunpike limits"
        findings.append(found("Limits", Level.WARNING, text, hint))
    findings.extend(blocks.findings(closed, SystemClock().now()))
    if unknown:
        worst = Money(pico=sum(one.cost.pico for one in unknown))
        text = f"{_many(len(unknown))} whose end is not known, booked at their worst case: {worst} at most"
        findings.append(found("Limits", Level.NOTE, text, "settle them by hand: shunpike usage reconcile"))


def _many(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts:,} attempts"


async def _providers(findings: list[Finding], client: Client, *, online: bool) -> None:
    rows = sorted(await client.status(), key=lambda row: (row.simulated, row.order, row.name))
    findings.extend(networks.findings(rows))
    for row in rows:
        findings.append(_left_out(row) or await _provider(row, client, online=online))
        if row.tier != OWN:
            provider = client.settings.providers.get(row.name, ProviderSettings()).plugin or row.name
            known = [model for model in client.models() if model.provider == provider]
            old = aged(row, known, moment(SystemClock().now()).date())
            findings.extend([old] if old else [])
    if not any(row.state in ("ready", "standby") for row in rows):
        off = next((row.disabled for row in rows if row.disabled is not None), None)
        why, hint = (
            ("has a key", "keys set NAME") if off is None else ("is left that can", f"providers enable {off.name}")
        )
        findings.append(found("Providers", Level.PROBLEM, f"nothing can answer: no provider {why}", f"shunpike {hint}"))
    elif not any(row.state == "ready" and not row.simulated for row in rows):
        free = [row for row in rows if not row.simulated and row.billing == "none"]
        hint = f"shunpike keys set {free[0].name}" if free else "shunpike providers"
        findings.append(found("Providers", Level.WARNING, "no real provider has a key: the sandbox answers", hint))


def money_needed(row: ProviderStatus, settings: Settings) -> str | None:
    """Return what a provider that costs money lacks before anything is sent to it, None where it lacks nothing."""
    section = settings.providers.get(row.name, ProviderSettings())
    if row.billing != Billing.CARD.value or section.price == "free":
        return None
    whose = (None, row.name, section.plugin or row.name)
    own = any(isinstance(limit, Limit) and limit.unit is Unit.USD for limit in section.limits)
    bounded = own or any(budget.provider in whose for budget in settings.budgets)
    lacking = [
        *(() if settings.allow_paid else ("allow_paid",)),
        *(() if bounded else ("a budget",)),
    ]
    return " and ".join(lacking) or None


def _left_out(row: ProviderStatus) -> Finding | None:
    if row.key_problem is not None and row.enabled:
        return found("Providers", Level.PROBLEM, f"{row.name} can't be asked: {row.key_problem}", row.key_hint)
    if row.disabled is not None:
        return found("Providers", Level.WARNING, f"{row.name} {row.version}: {why_off(row.disabled)}", None)
    if row.problem is None:
        return None
    hint = f"upgrade or uninstall its plugin, or switch it off: enabled = false in [providers.{row.name}]"
    return found("Providers", Level.PROBLEM, f"{row.name} {row.version} is left out: {row.problem}", hint)


async def _provider(row: ProviderStatus, client: Client, *, online: bool) -> Finding:
    text = f"{row.name} {row.version}: {row.state}"
    if row.state != "ready":
        return found("Providers", Level.NOTE, text, None)
    needs = money_needed(row, client.settings)
    if needs is not None:
        return found("Providers", Level.WARNING, f"{row.name} {row.version}: needs {needs} before it is asked", PAY)
    source = f", key {row.key_tail} from {row.key_origin}" if row.key_tail else ""
    quota = left_at(row.remaining)
    text += source + (f", {quota}" if quota else "")
    clock = SystemClock()
    started_mono = clock.monotonic()
    try:
        client.check_setup(row.name)
        if not online:
            return found("Providers", Level.OK, text)
        words = await client.probe(row.name)
    except UsageError as error:
        return found("Providers", Level.NOTE, f"{text}; {error.message}")
    except ShunpikeError as error:
        # Only a refusal says anything of the key: without a network it may be the best of keys.
        another = f"replace the key: shunpike keys set {row.name}" + (f"  ({row.key_url})" if row.key_url else "")
        there = f"is this machine online, and its address right? shunpike providers, then: shunpike -p {row.name} hi"
        hint = error.hint or (another if isinstance(error, AuthError) else there)
        return found("Providers", Level.PROBLEM, f"{text}; {error.message}", hint)
    return found("Providers", Level.OK, f"{text}; reached: {words} in {duration(clock.monotonic() - started_mono)}")
