"""Endpoints of the owner's own: what they offer is asked at first use, and remembered.

A server at home has no dated catalog, no published limits and no price: its own list of models is all there is. A
model that the caller names is tried even where that list can't be had or does not show it: the server knows best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio

from shunpike.clock import Clock, moment
from shunpike.errors import ConfigError, NoCredential, PluginError, ProviderError, ShunpikeError
from shunpike.protocols import Backend, DescribesModels, ListsModels, Target
from shunpike.routing.names import short_name
from shunpike.routing.plan import Targets
from shunpike.runtime.accounts import Account, target_of
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
    """What is wrong with its set-up: nothing was asked."""
    until: float = float("-inf")
    """When it is asked again, on the monotonic clock."""
    lock: anyio.Lock | None = None


class Endpoints:
    """The lists of the owner's endpoints. Lists are kept for the life of the client."""

    def __init__(self, backend: Callable[[Account], Backend], clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._listed: dict[str, _Listed] = {}

    async def discover(self, accounts: Sequence[Account], within: float = PATIENCE) -> None:
        """Ask those that were not asked yet, for so many seconds at most.

        A mistake in the set-up of one is its `problem` and stops no other.
        """
        fresh = [account for account in accounts if self._known(account).until <= self._clock.monotonic()]
        if fresh:
            async with anyio.create_task_group() as tasks:
                for account in fresh:
                    tasks.start_soon(self._ask, self._known(account), account, min(within, PATIENCE))

    def problem(self, account: Account) -> str | None:
        """Return why the models of ``account`` are not known, None when they are, or were not asked for."""
        return self._known(account).problem

    def mistake(self, account: Account) -> ShunpikeError | None:
        """Return what is wrong with the set-up of ``account``, so that it could not be asked for its models."""
        return self._known(account).mistake

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

    def _known(self, account: Account) -> _Listed:
        return self._listed.setdefault(account.name, _Listed())

    async def _ask(self, known: _Listed, account: Account, within: float) -> None:
        known.lock = known.lock or anyio.Lock()
        async with known.lock:
            if known.until > self._clock.monotonic():
                return
            try:
                known.mistake = None
                backend = self._backend(account)
                with self._clock.fail_after(within):
                    known.models = await listing(backend)
                known.problem, known.until = None, float("inf")
            except (ConfigError, NoCredential, PluginError) as error:
                known.problem, known.mistake = error.message, error
                return
            except TimeoutError:
                address = account.settings.base_url
                known.problem = f"no list of models within {within:.3g} s (asked: {address})"
                if within < PATIENCE:
                    return  # Whoever has more time may well get it.
            except ProviderError as error:
                known.problem = f"{error.kind}: {error.message}"
            known.until = max(known.until, self._clock.monotonic() + RETRY)

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


async def listing(backend: object) -> tuple[LiveModel, ...]:
    """Return a backend's list of models, with as much as it tells. Raises `ProviderError`."""
    if isinstance(backend, DescribesModels):
        return tuple(await backend.describe_models())
    if isinstance(backend, ListsModels):
        return tuple(LiveModel(id=name) for name in await backend.list_models())
    return ()


def named_at(model: str, account: Account, providers: Sequence[str] | None) -> str | None:
    """Return which model of ``account`` is named, None where none is: ``local/llama3``, or ``llama3`` at it alone."""
    provider, _, rest = model.partition("/")
    if provider == account.name and rest:
        return None if rest == ANY else rest
    alone = providers is not None and tuple(providers) == (account.name,)
    return model if alone and model != ANY else None


def is_listed(model: str, roster: Targets) -> bool:
    """Whether ``model`` names a provider of the catalog and any of its models or one that it has."""
    provider, _, rest = model.partition("/")
    own = [target for target in roster.targets if target.name == provider]
    return rest == ANY or any(rest in (target.model.id, *target.model.aliases) for target in own)


def with_endpoints(
    roster: Targets, endpoints: Endpoints, accounts: Sequence[tuple[Account, str | None]], kind: Kind = "chat"
) -> Targets:
    """Return ``roster`` with the endpoints' models; each account comes with the model that is named there, if any."""
    targets, catalog, unavailable = list(roster.targets), list(roster.catalog), list(roster.unavailable)
    for account, named in accounts:
        found = endpoints.models(account, named, kind)
        targets += [target_of(account, model, place) for place, model in enumerate(found)]
        catalog += found
        if not found:
            unavailable.append(_without_models(account, endpoints))
    return roster.model_copy(
        update={"targets": tuple(targets), "catalog": tuple(catalog), "unavailable": tuple(unavailable)}
    )


def shown_at(account: Account, endpoints: Endpoints, asked: Iterable[str]) -> list[Target]:
    """Return what limits are shown of at ``account``: what it is known to have, else what was ``asked``, else any."""
    found = endpoints.models(account) or [endpoints.models(account, name)[0] for name in sorted(asked) or ("*",)]
    return [target_of(account, model, place) for place, model in enumerate(found)]


def _without_models(account: Account, endpoints: Endpoints) -> Candidate:
    mistake = endpoints.mistake(account)
    return Candidate(
        provider=account.name,
        model="*",
        verdict=Verdict.DROPPED,
        reason=f"no models: {endpoints.problem(account) or 'it has no model'}" if mistake is None else mistake.message,
        cause=None if mistake is None else Cause.CONFIG,
    )


def _meant(named: str, known: Mapping[str, LiveModel]) -> str:
    """Return the listed model that a name means: itself, its latest tag, or the only one of that short name."""
    if named in known:
        return named
    if named + LATEST in known:
        return named + LATEST
    alike = [name for name in known if short_name(name) == named.casefold()]
    return alike[0] if len(alike) == 1 else named
