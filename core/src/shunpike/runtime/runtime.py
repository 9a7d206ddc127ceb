"""What a client is built from: accounts, roster, ledger, prices, backends; each made when it is first needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

import anyio

from shunpike.clock import Clock, moment
from shunpike.config import KeyStore, resolve_key
from shunpike.errors import PluginError, ShunpikeError, StoreError
from shunpike.ledger import Ledger
from shunpike.ledger.terms import funds_of
from shunpike.patience import answered, let_go
from shunpike.plugins import Host
from shunpike.protocols import Backend, CancelSafe, HealthProbe, Store, Target, Tokenizer
from shunpike.routing.context import Attempt, Services
from shunpike.routing.health import Health
from shunpike.routing.plan import Targets
from shunpike.routing.trouble import TroublePlace
from shunpike.runtime.accounts import Account, build_roster, find_accounts, with_catalogs
from shunpike.runtime.endpoints import Endpoints, Kind, is_listed, named_at, with_endpoints
from shunpike.runtime.names import check_budgets
from shunpike.runtime.prices import PriceBook
from shunpike.runtime.stores import open_store
from shunpike.tokens import tokenizer_for
from shunpike.types import (
    FREE,
    Candidate,
    Cause,
    Funds,
    Limit,
    Price,
    ProviderSettings,
    Remaining,
    Settings,
    Timeouts,
)
from shunpike.waiting import Queue


class Runtime:
    """The parts of one client."""

    def __init__(
        self,
        settings: Settings,
        host: Host,
        clock: Clock,
        store: Store | None,
        environ: Mapping[str, str],
        keys: KeyStore,
    ) -> None:
        check_budgets(settings, host)
        self._settings = settings
        self._host = host
        self._clock = clock
        self._environ = environ
        self._keys = keys
        self._backends: dict[str, Backend] = {}
        self._retired: list[Backend] = []
        """Made for keys that were changed meanwhile; a call may still be running on them."""
        self._tokenizers: dict[str, Tokenizer] = {}
        self._limits: dict[str, tuple[Limit, ...] | None] = {}
        self.accounts: dict[str, Account] = {}
        self._roster = Targets(targets=())
        self.endpoints = Endpoints(self.backend_of, clock)
        self.reload()
        self.prices = PriceBook(host, clock, self._roster.catalog)
        self.store = store if store is not None else open_store(host, settings, clock)
        self.queue = Queue()
        self.ledger = Ledger(self.store, clock, settings, self.limits_of, queue=self.queue, emit=host.emit)
        self.memory = Health(clock)
        self.services = Services(
            admission=self.ledger,
            clock=clock,
            health=self.memory,
            price=self._price,
            backend=self.backend,
            served_price=self.served_price,
            timeouts=self._timeouts,
            cancel_safe=self._cancel_safe,
            where=self.where,
            plugin=self.plugin,
            emit=host.emit,
            observed=host.is_observed,
            queue=self.queue,
        )

    def reload(self) -> None:
        """Look again at keys, files and plugins; what was made for another key is not used any more."""
        known = self.accounts
        found = find_accounts(self._host, self._settings, self._environ, self._keys)
        self.accounts = with_catalogs(self._host, found)
        for name, account in self.accounts.items():
            if name in self._backends and name in known and known[name].key.fingerprint != account.key.fingerprint:
                self._retired.append(self._backends.pop(name))
        self._roster = build_roster(self._host, self._settings, self.accounts, moment(self._clock.now()).date())

    def look_for_keys(self) -> None:
        """Notice a key that was changed after it was refused: it is asked at once."""
        refused = self.memory.refused_keys
        if not refused:
            return
        for account in self.accounts.values():
            section, variable = self._settings.providers.get(account.name), account.info.env_key
            if f"{account.name} {account.key.fingerprint}" in refused:
                now = resolve_key(account.name, variable, section or ProviderSettings(), self._environ, self._keys)
                if now.fingerprint != account.key.fingerprint:
                    self.reload()
                    return

    @property
    def own(self) -> list[Account]:
        """The endpoints of the owner's own that can be asked."""
        return [account for account in self.accounts.values() if account.own and account.problem is None]

    @property
    def roster(self) -> Targets:
        """Everything that is known to be there, without asking anybody."""
        known = [(account, None) for account in self.own if self.endpoints.models(account)]
        return with_endpoints(self._roster, self.endpoints, known) if known else self._roster

    async def roster_for(self, model: str, providers: Sequence[str] | None, kind: Kind, within: float) -> Targets:
        """Return what could be asked for ``model``; endpoints of the owner's own are asked what they have, once."""
        wanted = [
            (account, named_at(model, account, providers))
            for account in self.own
            if providers is None or account.name in providers
        ]
        if any(model.startswith(f"{account.name}/") for account, _ in wanted):
            wanted = [(account, named) for account, named in wanted if model.startswith(f"{account.name}/")]
        elif model.partition("/")[0] in self.accounts and is_listed(model, self._roster):
            wanted = []
        await self.endpoints.discover([account for account, _ in wanted], within)
        return with_endpoints(self._roster, self.endpoints, wanted, kind) if wanted else self._roster

    def mistake(self, dropped: Sequence[Candidate]) -> ShunpikeError | None:
        """Return what is wrong with the set-up of an endpoint where that is all that stands in the way."""
        named = [one.provider for one in dropped if one.cause is Cause.CONFIG]
        others = [one for one in dropped if one.model != "*"]
        if others or not named:
            return None
        account = self.accounts.get(named[0])
        return None if account is None else account.broken or self.endpoints.mistake(account)

    def count(self, account: Account) -> int:
        """Return how many models ``account`` offers, as far as it is known."""
        if account.own:
            return len(self.endpoints.models(account))
        if account.broken is not None:
            return 0
        return sum(model.status != "retired" for model in self._host.models(account.info.id))

    def limits_of(self, target: Target) -> tuple[Limit, ...] | None:
        """Return the provider's limits for ``target``, None when nothing is known: then no money is risked there."""
        if self.accounts[target.name].own:
            return ()
        if target.label not in self._limits:
            self._limits[target.label] = self._host.limits(target.model, target.tier)
        return self._limits[target.label]

    def tokenizer(self, model: str) -> Tokenizer:
        """Return what counts the tokens of ``model``: a plugin's counter, a vocabulary on disk, or the estimate."""
        if model not in self._tokenizers:
            try:
                found = self._host.tokenizer(model)
            except PluginError as error:
                self._host.complain(error.plugin, "shunpike_tokenizer", error)
                found = None
            self._tokenizers[model] = found or tokenizer_for(model)
        return self._tokenizers[model]

    def backend(self, target: Target) -> Backend:
        """Return the backend of the target's account, made once."""
        return self.backend_of(self.accounts[target.name])

    def backend_of(self, account: Account) -> Backend:
        """Return the backend of ``account``, made once. Raises `NoCredential` and `ConfigError`."""
        if account.name not in self._backends:
            settings = account.settings
            if settings.clock is None:
                settings = settings.model_copy(update={"clock": self._clock})
            self._backends[account.name] = self._host.backend(account.plugin, settings)
        return self._backends[account.name]

    def _price(self, target: Target, prompt_tokens: int, asked: str | None, within: float) -> Price | None:
        account = self.accounts[target.name]
        if account.own:
            return FREE
        return self.prices.worst(target.provider, target.model, prompt_tokens, asked, within)

    def served_price(self, attempt: Attempt, served: str, prompt_tokens: int, named: str | None) -> Price | None:
        """Return the price of what answered ``attempt``: ``served`` is the model, ``named`` the tier it names."""
        target = attempt.target
        if self.accounts[target.name].own:
            return FREE
        try:
            price = self.prices.served(target.model, served, prompt_tokens, attempt.started_at)
            return self.prices.billed(target.provider, price, attempt.request.service_tier, named)
        except PluginError as error:
            # The attempt must be booked: without a price, at its worst case.
            self._host.complain(error.plugin, "shunpike_cost", error)
            return None

    def plugin(self, target: Target) -> str:
        """Return the name of the plugin that serves ``target``."""
        return self.owner(self.accounts[target.name])

    def owner(self, account: Account) -> str:
        """Return the name of the plugin that serves ``account``."""
        return self._host.owner(account.plugin)

    def health(self, account: Account) -> HealthProbe | None:
        """Return the free probe of ``account``, or None when there is none."""
        return self._host.health(account.plugin, account.settings)

    def where(self, target: Target) -> TroublePlace:
        """Return what ``target`` shares with others: its account, its address, its key."""
        account = self.accounts[target.name]
        address = urlsplit(account.settings.base_url or account.info.base_url)
        # Several providers may be served at one host, as by a sandbox: what is one's trouble is not the other's.
        origin = f"{account.info.id} {address.scheme}://{address.netloc}"
        return TroublePlace(target.label, target.name, origin, f"{target.name} {account.key.fingerprint}")

    def funds(self, target: Target) -> Funds:
        """Return who pays for a call of ``target``."""
        return funds_of(target, self._settings)

    def _timeouts(self, target: Target) -> Timeouts:
        return self.accounts[target.name].settings.timeouts

    def _cancel_safe(self, target: Target) -> bool:
        backend: object = self._backends.get(target.name)
        try:
            return isinstance(backend, CancelSafe) and backend.cancel_safe is True
        except Exception as error:  # noqa: BLE001 - a stranger's property may raise anything
            self._host.complain(self.plugin(target), "cancel_safe", error)
            return False

    async def remaining(self, target: Target) -> tuple[Remaining, ...]:
        """Return what is left of the limits of ``target``."""
        return tuple(await self.ledger.remaining(target))

    async def hear(self, within: float) -> None:
        """Take in what other processes found in trouble. Raises `StoreError` where no time is left to ask the ledger.

        A ledger that fails is told of by the admission, where there is something to admit.
        """
        if within <= 0:
            return  # No time is left, which whoever admits says.
        begun = self._clock.monotonic()
        try:
            self.memory.hear(await answered(self.ledger.troubles(), self._clock, within))
        except StoreError:
            if self._clock.monotonic() - begun >= within:
                raise

    async def closed_until(self) -> dict[str, float]:
        """Return label → moment of the targets that are closed for now, and so better tried last."""
        if self.memory.is_all_well:
            return {}
        moments = ((target.label, self.memory.closed_until(self.where(target))) for target in self._roster.targets)
        return {label: until for label, until in moments if until is not None}

    async def leave(self) -> None:
        """Close backends, each even when another fails. Who waits is told so at once."""
        self.queue.close()
        with anyio.CancelScope(shield=True):
            backends, self._backends, self._retired = [*self._backends.values(), *self._retired], {}, []
            for backend in backends:
                await self._close(backend, partial(let_go, backend.aclose, self._clock), Exception)

    async def close_store(self) -> None:
        """Book what could not be booked, and let go of the store."""
        with anyio.CancelScope(shield=True):
            await self._close(self.store, self.ledger.aclose, TimeoutError)

    async def _close(self, what: object, close: Callable[[], Awaitable[None]], kind: type[Exception]) -> None:
        """Let go of a stranger's object, and warn of an error of ``kind``: the others wait."""
        try:
            await close()
        except kind as error:
            self._host.complain(self._host.maker(what), "aclose", error)
