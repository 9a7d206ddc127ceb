"""Accounts: which providers are set up, with which key and tier, and what could be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shunpike.config.keys import KeyStore, ResolvedKey, resolve_key
from shunpike.control import why_off
from shunpike.errors import ConfigError, NoCredential, PluginError
from shunpike.installation import install_hint
from shunpike.patterns import matches
from shunpike.plugins import Host
from shunpike.protocols import Target
from shunpike.routing.hints import SWITCHED_OFF
from shunpike.routing.plan import Targets
from shunpike.types import Billing, Candidate, Cause, ModelInfo, ProviderInfo, ProviderSettings, Settings, Tier, Verdict
from shunpike.types.control import UNCONTROLLED, Controls, Override

NOT_INSTALLED = "not installed"
NO_KEY = "no key"
UNUSABLE_KEY = "unusable key"
"""What stands where its key should be can't be one."""
NONE_OF_ITS_MODELS = "none of the models that its section names is offered"
DISABLED = "disabled"
"""An operator switched it off while processes run."""
BROKEN = "broken"
"""Its plugin gives no catalog that can be read."""
_CAUSES = {
    NO_KEY: Cause.KEY,
    UNUSABLE_KEY: Cause.BAD_KEY,
    BROKEN: Cause.CONFIG,
    SWITCHED_OFF: Cause.OFF,
    DISABLED: Cause.DISABLED,
}
OWN = "own"
"""The tier of a custom endpoint."""


@dataclass(frozen=True)
class Account:
    """One configured section: a provider, a key, a tier. ``problem`` says why it can't be used, if so."""

    name: str
    info: ProviderInfo
    settings: ProviderSettings
    key: ResolvedKey
    tier: Tier
    plugin: str
    """The id of the provider whose plugin serves it."""
    problem: str | None = None
    order: int = 0
    """Place in the default order, smallest first."""
    broken: PluginError | None = None
    """Why its catalog can't be had."""
    disabled: Override | None = None
    """The switch that keeps it from being asked."""

    @property
    def own(self) -> bool:
        """Whether it is a custom endpoint, whose list of models is all that is known of it."""
        return self.settings.is_custom_endpoint

    @property
    def paid(self) -> bool:
        """Whether an attempt can cost the owner money."""
        return self.tier.billing is Billing.CARD and self.settings.price != "free"


def find_accounts(host: Host, settings: Settings, environ: Mapping[str, str], keys: KeyStore) -> dict[str, Account]:
    """Return section name → account, for every installed provider and every configured section of one."""
    infos = {info.id: info for info in host.providers()}
    names = dict.fromkeys([*settings.providers, *infos])
    places = {name: place for place, name in enumerate(settings.order)}
    accounts = {}
    for name in names:
        section = settings.providers.get(name, ProviderSettings())
        info = infos.get(section.plugin or name)
        if info is not None:
            section = section.model_copy(update={"ca_file": section.ca_file or settings.ca_file, "environ": environ})
            account = _account(name, _own_info(name, info, section), section, environ, keys)
            order = info.order if section.order is None else section.order
            accounts[name] = replace(account, plugin=info.id, order=places.get(name, len(places) + order))
    return accounts


def with_switches(accounts: Mapping[str, Account], controls: Controls) -> dict[str, Account]:
    """Return the accounts, those that an operator switched off as `DISABLED`."""
    found = dict(accounts)
    for name, account in accounts.items():
        switch = controls.switched_off(account.info.id, name)
        if switch is not None:
            found[name] = replace(account, problem=DISABLED, disabled=switch)
    return found


def with_catalogs(host: Host, accounts: Mapping[str, Account]) -> dict[str, Account]:
    """Return the accounts, those whose plugins give no catalog as `BROKEN`: the others are asked all the same."""
    found = dict(accounts)
    for name, account in accounts.items():
        try:
            if not account.own:
                host.models(account.info.id)
        except PluginError as error:
            found[name] = replace(account, problem=account.problem or BROKEN, broken=error)
    return found


def missing_providers(host: Host, settings: Settings) -> tuple[str, ...]:
    """Return the sections whose provider is not installed."""
    known = {info.id for info in host.providers()}
    return tuple(name for name, section in settings.providers.items() if (section.plugin or name) not in known)


def _own_info(name: str, info: ProviderInfo, section: ProviderSettings) -> ProviderInfo:
    """Return what is known of the section's provider: of a custom endpoint, no more than its address."""
    if not section.is_custom_endpoint:
        return info
    return ProviderInfo.model_construct(
        **{
            **dict(info),
            "id": name,
            "title": f"{name} (a custom endpoint)",
            "env_key": None,
            "key_url": None,
            "base_url": section.base_url,
            "default_tier": OWN,
            "tiers": (Tier(name=OWN, billing=Billing.NONE, trains_on_prompts=False),),
            "service_tiers": {},
            "simulated": False,
        }
    )


def _account(
    name: str, info: ProviderInfo, section: ProviderSettings, environ: Mapping[str, str], keys: KeyStore
) -> Account:
    key = resolve_key(name, section.key_env or info.env_key, section, environ, keys)
    try:
        tier = info.tier(section.tier or info.default_tier)
    except KeyError as error:
        raise ConfigError(
            f"providers.{name}.tier: {error.args[0]}", hint="see: shunpike config show --origin"
        ) from None
    problem = None
    if not section.enabled:
        problem = SWITCHED_OFF
    elif key.problem is not None:
        problem = UNUSABLE_KEY
    elif info.env_key is not None and key.secret is None:
        problem = NO_KEY
    ready = section.model_copy(update={"key": key.secret})
    return Account(name=name, info=info, settings=ready, key=key, tier=tier, plugin=info.id, problem=problem)


def build_targets(
    host: Host, settings: Settings, accounts: Mapping[str, Account], today: date, controls: Controls = UNCONTROLLED
) -> Targets:
    """Return every target of the usable accounts, and the others with their reason, as of ``today`` (UTC).

    What custom endpoints offer is not among them: they have to be asked.
    """
    targets: list[Target] = []
    unavailable = [_absent(name, NOT_INSTALLED, Cause.CONFIG) for name in missing_providers(host, settings)]
    catalog: dict[str, tuple[ModelInfo, ...]] = {}
    for account in accounts.values():
        if account.problem is not None:
            cause = _CAUSES.get(account.problem)
            unavailable.append(_absent(account.name, _say(account), cause))
        if account.own or account.broken is not None:
            continue
        models = catalog.setdefault(account.info.id, _aged(host.models(account.info.id), today))
        if account.problem is None:
            chosen = _chosen(account, models)
            add_targets(account, chosen, controls, targets, unavailable)
            if account.settings.models and not chosen:
                unavailable.append(_absent(account.name, NONE_OF_ITS_MODELS, Cause.CONFIG))
    return Targets(
        targets=tuple(targets),
        unavailable=tuple(unavailable),
        names=tuple(accounts),
        catalog=tuple(model for models in catalog.values() for model in models),
        real=any(_is_real(account) for account in accounts.values()),
    )


def add_targets(
    account: Account,
    models: Iterable[tuple[int, ModelInfo]],
    controls: Controls,
    targets: list[Target],
    unavailable: list[Candidate],
) -> None:
    """Add the models of ``account``, each with its place, to ``targets``; what is switched off to ``unavailable``."""
    for place, model in models:
        switch = controls.switched_off(account.info.id, account.name, model.id)
        if switch is None:
            targets.append(target_of(account, model, place))
        else:
            unavailable.append(_absent(account.name, why_off(switch), Cause.DISABLED, model.id))


def _aged(models: tuple[ModelInfo, ...], today: date) -> tuple[ModelInfo, ...]:
    """A deprecated model is retired when its announced day has come, whenever the catalog was written."""
    return tuple(
        model.model_copy(update={"status": "retired"}) if _is_over(model, today) else model for model in models
    )


def _is_over(model: ModelInfo, today: date) -> bool:
    return model.status == "deprecated" and model.retired_on is not None and model.retired_on <= today


def _is_real(account: Account) -> bool:
    """A key counts even when its provider is switched off: then a sandbox must not answer in its place.

    So does one that came here damaged; what an example says instead of a key does not.
    """
    meant = account.key.secret is not None or (account.key.problem is not None and not account.key.placeholder)
    return not account.info.simulated and (account.problem is None or meant)


def _chosen(account: Account, models: tuple[ModelInfo, ...]) -> list[tuple[int, ModelInfo]]:
    living = [model for model in models if model.status != "retired"]
    if not account.settings.models:
        return list(enumerate(living))
    places = {name: place for place, name in enumerate(account.settings.models)}
    return sorted((places[model.id], model) for model in living if model.id in places)


def target_of(account: Account, model: ModelInfo, model_order: int) -> Target:
    """Return ``model`` at ``account`` as a place where an attempt can go."""
    variable = account.settings.key_env
    return Target(
        # Errors name the variable that the owner's section chose.
        provider=account.info.model_copy(update={"env_key": variable}) if variable else account.info,
        name=account.name,
        model=_as_told(model, account.settings.quality),
        account=account.settings.account,
        tier=account.tier.name,
        order=account.order,
        model_order=model_order,
        paid=account.paid,
        trains_on_prompts=_trains(account),
        key_origin=account.key.origin,
    )


def _as_told(model: ModelInfo, qualities: Mapping[str, float]) -> ModelInfo:
    """Return ``model`` with the quality that its owner says it has, where he does."""
    said = next((quality for name, quality in qualities.items() if matches(name, model.id)), None)
    return model if said is None else model.model_copy(update={"quality": said})


def _trains(account: Account) -> bool | None:
    own = account.settings.trains_on_prompts
    return account.tier.trains_on_prompts if own is None else own


def _say(account: Account) -> str:
    if account.problem == NO_KEY:
        return f"no key: set {account.settings.key_env or account.info.env_key}"
    if account.problem == UNUSABLE_KEY and account.key.problem is not None:
        return account.key.problem
    if account.disabled is not None:
        return why_off(account.disabled)
    if account.problem == BROKEN and account.broken is not None:
        return account.broken.message
    return account.problem or ""


def key_trouble(account: Account) -> NoCredential | None:
    """Return the error where the key of ``account`` is what keeps it from being asked, else None."""
    if account.problem == UNUSABLE_KEY:
        return NoCredential(f"{account.name} has no usable key: {account.key.problem}", hint=account.key.hint)
    if account.problem == NO_KEY:
        return NoCredential(f"{account.name} has no key", hint=f"shunpike keys set {account.name}")
    return None


def _absent(name: str, reason: str, cause: Cause | None = None, model: str = "*") -> Candidate:
    return Candidate(provider=name, model=model, verdict=Verdict.DROPPED, reason=reason, cause=cause)


def how_to_begin(host: Host, lacking: Sequence[str]) -> str:
    """Return what to type when there is no key: for the one provider that is asked for, or for any."""
    add = f"shunpike keys set {lacking[0]}" if len(lacking) == 1 else "add a free one: shunpike keys set NAME"
    simulated = [info.id for info in host.providers() if info.simulated]
    play = f'shunpike -p {simulated[0]} "…"' if simulated else install_hint("sandbox")
    return f"{add}   ·   or try without a key: {play}" if play else add
