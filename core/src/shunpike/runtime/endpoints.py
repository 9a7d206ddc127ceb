"""Custom endpoints: what they offer is asked at first use, and remembered.

A server at home has no dated catalog, no published limits and no price: its own list of models is all there is. A
model that the caller names is tried even where that list can't be had or does not show it: the server knows best.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio

from shunpike.clock import Clock, moment
from shunpike.errors import ConfigError, NoCredential, PluginError, ProviderError, ShunpikeError, StoreError
from shunpike.protocols import DescribesModels, ListsModels, Target
from shunpike.routing.blaming import blaming, checked
from shunpike.routing.names import short_name
from shunpike.routing.plan import Targets
from shunpike.runtime.accounts import Account, add_targets, target_of
from shunpike.runtime.snapshot import Snapshot
from shunpike.types import Candidate, Cause, LiveModel, ModelInfo, Verdict
from shunpike.types.base import ANY

Kind = Literal["chat", "embedding"]
EVERYTHING = frozenset({"tools", "json", "json_schema", "vision", "reasoning"})
"""What a discovered model can do is not known: the server refuses what it can't."""
PATIENCE = 5.0
"""Seconds to wait for a list: it comes from memory, or the server is not there."""
RETRY = 30.0
"""Seconds after which an endpoint that gave no list is asked again."""
EMBEDDING_NAMES = ("embed", "bge-", "minilm", "gte-", "e5-")
"""Parts of the names of embedding models: these lists do not tell what a model is for."""
LATEST = ":latest"
SOURCE = "its own list of models"
"""The source of what is known of such models: what they can do is assumed, not known."""


@dataclass
class _Listed:
    models: tuple[LiveModel, ...] = ()
    problem: str | None = None
    mistake: ShunpikeError | None = None
    """What is wrong with its set-up, so that nothing was asked, or with its plugin."""
    fresh_until_mono: float = float("-inf")
    """When it is asked again."""
    lock: anyio.Lock | None = None


class Endpoints:
    """The lists of the owner's endpoints: each is kept for as long as its endpoint is set up in the same way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listed: dict[tuple[str, str | None, str], _Listed] = {}

    def known(self, snapshot: Snapshot) -> Targets:
        """Return everything that is known to be there, without asking anybody."""
        listed = [(account, None) for account in snapshot.custom if self.models(account)]
        return self._added(snapshot, listed) if listed else snapshot.targets

    async def offered(
        self, snapshot: Snapshot, models: Sequence[str], providers: Sequence[str] | None, kind: Kind, within: float
    ) -> Targets:
        """Return what could be asked for any of ``models``; custom endpoints are asked what they have, once.

        A model that is named at one which must not be asked is known all the same, so that the reason can be told.
        """
        if not snapshot.has_custom:
            return snapshot.targets
        wanted = list(dict.fromkeys(one for model in models for one in _wanted(snapshot, model, providers)))
        if not wanted:
            return snapshot.targets
        asked = {name: snapshot.accounts[name] for name, _ in wanted}
        await self.discover(snapshot, [account for account in asked.values() if account.problem is None], within)
        return self._added(snapshot, [(asked[name], named) for name, named in wanted], kind)

    def mistake_in(self, snapshot: Snapshot, dropped: Sequence[Candidate]) -> ShunpikeError | None:
        """Return what is wrong with the set-up of an endpoint where that is all that stands in the way."""
        named = [one.provider for one in dropped if one.cause is Cause.CONFIG]
        if not named or any(one.model != "*" for one in dropped):
            return None
        account = snapshot.accounts.get(named[0])
        return None if account is None else account.broken or self._known(account).mistake

    async def discover(self, snapshot: Snapshot, accounts: Sequence[Account], within: float = PATIENCE) -> None:
        """Ask those that were not asked yet, for so many seconds at most.

        A mistake in the set-up of one is its `problem` and stops no other. Raises `StoreError` in a closed client.
        """
        fresh = [account for account in accounts if self._known(account).fresh_until_mono <= self._clock.monotonic()]
        if fresh:
            async with anyio.create_task_group() as tasks:
                for account in fresh:
                    tasks.start_soon(self._ask, snapshot, account, min(within, PATIENCE))
            for account in fresh:
                if isinstance(mistake := self._known(account).mistake, StoreError):
                    raise mistake

    def models(self, account: Account, named: str | None = None, kind: Kind = "chat") -> tuple[ModelInfo, ...]:
        """Return what ``account`` offers: the one that is named, else those of the configuration, else the list's."""
        listed = self._known(account).models
        by_name = {model.id: model for model in listed}
        if named is not None:
            name = _meant(named, by_name)
            return (self._info(account, by_name.get(name, LiveModel(id=name)), kind),)
        if account.settings.models:
            listed = tuple(by_name.get(name, LiveModel(id=name)) for name in account.settings.models)
        return tuple(self._info(account, model, model.kind) for model in listed if model.kind != "other")

    def _added(
        self, snapshot: Snapshot, accounts: Sequence[tuple[Account, str | None]], kind: Kind = "chat"
    ) -> Targets:
        """Return what there is, with what the endpoints have; each comes with the model that is named there, if any."""
        targets = snapshot.targets
        found, catalog, unavailable = list(targets.targets), list(targets.catalog), list(targets.unavailable)
        seen: set[tuple[str, str]] = set()
        for account, named in accounts:
            offered = self.models(account, named, kind)
            models = tuple(one for one in offered if (account.name, one.id) not in seen)
            seen.update((account.name, one.id) for one in models)
            catalog += models
            if account.problem is None:
                add_targets(account, enumerate(models), snapshot.controls, found, unavailable)
            if not offered:
                unavailable.append(self._without_models(account))
        return targets.model_copy(
            update={"targets": tuple(found), "catalog": tuple(catalog), "unavailable": tuple(unavailable)}
        )

    def _without_models(self, account: Account) -> Candidate:
        known = self._known(account)
        reason, cause = f"no models: {known.problem or 'it has no model'}", None
        if known.mistake is not None:
            reason, cause = known.mistake.message, Cause.CONFIG
        return Candidate(provider=account.name, model="*", verdict=Verdict.DROPPED, reason=reason, cause=cause)

    def _known(self, account: Account) -> _Listed:
        identity = (account.name, account.settings.base_url, account.key.fingerprint)
        return self._listed.setdefault(identity, _Listed())

    async def _ask(self, snapshot: Snapshot, account: Account, within: float) -> None:
        known = self._known(account)
        known.lock = known.lock or anyio.Lock()
        async with known.lock:
            if known.fresh_until_mono > self._clock.monotonic():
                return
            try:
                known.mistake = None
                backend = snapshot.backend_of(account)
                with self._clock.fail_after(within):
                    known.models = await listing(backend, snapshot.plugin_of(account))
                known.problem, known.fresh_until_mono = None, float("inf")
            except (ConfigError, NoCredential, PluginError, StoreError) as error:
                known.problem, known.mistake = error.message, error
                if not isinstance(error, PluginError):
                    return
            except TimeoutError:
                address = account.settings.base_url
                known.problem = f"no list of models within {within:.3g} s (asked: {address})"
                if within < PATIENCE:
                    return  # Whoever has more time may well get it.
            except ProviderError as error:
                known.problem = f"{error.kind}: {error.message}"
            known.fresh_until_mono = max(known.fresh_until_mono, self._clock.monotonic() + RETRY)

    def _info(self, account: Account, model: LiveModel, kind: Kind | Literal["other"] | None) -> ModelInfo:
        guessed: Kind = "embedding" if any(part in model.id.casefold() for part in EMBEDDING_NAMES) else "chat"
        return ModelInfo(
            provider=account.info.id,
            id=model.id,
            kind=guessed if kind is None or kind == "other" else kind,
            context=model.context,
            max_output=model.max_output,
            features=EVERYTHING if model.features is None else model.features,
            limits={account.tier.name: ()},
            as_of=moment(self._clock.now()).date(),
            source=SOURCE,
        )


async def listing(backend: object, plugin: str) -> tuple[LiveModel, ...]:
    """Return a backend's list of models, with as much as it tells. Raises `ProviderError`, `PluginError`."""
    what, found = "its list of models", tuple[LiveModel, ...]()
    with blaming(plugin, what):
        if isinstance(backend, DescribesModels):
            found = tuple(await backend.describe_models())
        elif isinstance(backend, ListsModels):
            found = tuple(LiveModel(id=name) for name in await backend.list_models())
    return tuple(checked(one, LiveModel, plugin, what) for one in found)


def named_at(model: str, account: Account, providers: Sequence[str] | None) -> str | None:
    """Return which model of ``account`` is named, None where none is: ``local/llama3``, or ``llama3`` at it alone."""
    provider, _, rest = model.partition("/")
    if provider == account.name and rest:
        return None if rest == ANY else rest
    alone = providers is not None and tuple(providers) == (account.name,)
    return model if alone and model != ANY else None


def _wanted(snapshot: Snapshot, model: str, providers: Sequence[str] | None) -> list[tuple[str, str | None]]:
    """Return the names of the custom endpoints to ask for ``model``, and which model is named at each, if any."""
    wanted = [
        (account.name, named)
        for account in snapshot.accounts.values()
        if account.own and (providers is None or account.name in providers)
        if (named := named_at(model, account, providers)) is not None or account.problem is None
    ]
    if any(model.startswith(f"{name}/") for name, _ in wanted):
        return [(name, named) for name, named in wanted if model.startswith(f"{name}/")]
    if model.partition("/")[0] in snapshot.accounts and is_listed(model, snapshot.targets):
        return []
    return wanted


def is_listed(model: str, targets: Targets) -> bool:
    """Whether ``model`` names a provider of the catalog and any of its models or one that it has."""
    provider, _, rest = model.partition("/")
    own = [target for target in targets.targets if target.name == provider]
    return rest == ANY or any(rest in (target.model.id, *target.model.aliases) for target in own)


def shown_at(account: Account, endpoints: Endpoints, asked: Iterable[str]) -> list[Target]:
    """Return what limits are shown of at ``account``: what it is known to have, else what was ``asked``, else any."""
    found = endpoints.models(account) or [endpoints.models(account, name)[0] for name in sorted(asked) or ("*",)]
    return [target_of(account, model, place) for place, model in enumerate(found)]


def _meant(named: str, known: Mapping[str, LiveModel]) -> str:
    """Return the listed model that a name means: itself, its latest tag, or the only one of that short name."""
    if named in known:
        return named
    if named + LATEST in known:
        return named + LATEST
    alike = [name for name in known if short_name(name) == named.casefold()]
    return alike[0] if len(alike) == 1 else named
