"""What a client is built from: accounts, roster, ledger, prices, backends; each made when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

from shunpike.client.accounts import Account, build_roster, find_accounts
from shunpike.client.prices import PriceBook
from shunpike.clock import Clock, moment
from shunpike.config import KeyStore, default_store
from shunpike.errors import ConfigError
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.protocols import Backend, CancelSafe, Store, Target
from shunpike.routing.memory import Memory
from shunpike.routing.plan import Roster
from shunpike.routing.route import Services
from shunpike.types import Event, EventName, Limit, Price, Remaining, Settings, Timeouts


class House:
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
        self._settings = settings
        self._host = host
        self._clock = clock
        self._environ = environ
        self._keys = keys
        self._backends: dict[str, Backend] = {}
        self._limits: dict[str, tuple[Limit, ...] | None] = {}
        self.accounts: dict[str, Account] = {}
        self.roster = Roster(targets=())
        self.reload()
        self.prices = PriceBook(host, clock, self.roster.catalog)
        self.store = store if store is not None else _open_store(host, settings)
        self.ledger = Ledger(self.store, clock, settings, self.limits_of)
        self.memory = Memory(clock)
        self.services = Services(
            admission=self.ledger,
            clock=clock,
            memory=self.memory,
            price=self._price,
            backend=self.backend,
            served_price=self._served_price,
            timeouts=self._timeouts,
            cancel_safe=self._cancel_safe,
            emit=host.emit,
        )

    def reload(self) -> None:
        """Look again at keys, files and plugins."""
        self.accounts = find_accounts(self._host, self._settings, self._environ, self._keys)
        self.roster = build_roster(self._host, self._settings, self.accounts, moment(self._clock.now()).date())

    def limits_of(self, target: Target) -> tuple[Limit, ...] | None:
        """Return the provider's limits for ``target``, None when nothing is known: then no money is risked there."""
        if target.label not in self._limits:
            self._limits[target.label] = self._host.limits(target.model, target.tier)
        return self._limits[target.label]

    def backend(self, target: Target) -> Backend:
        """Return the backend of the target's account, made once."""
        if target.name not in self._backends:
            account = self.accounts[target.name]
            self._backends[target.name] = self._host.backend(account.info.id, account.settings)
        return self._backends[target.name]

    def _price(self, target: Target, prompt_tokens: int) -> Price | None:
        return self.prices.price(target.model, prompt_tokens)

    def _served_price(self, target: Target, served: str, prompt_tokens: int) -> Price | None:
        return self.prices.served(target.model, served, prompt_tokens)

    def _timeouts(self, target: Target) -> Timeouts:
        return self.accounts[target.name].settings.timeouts

    def _cancel_safe(self, target: Target) -> bool:
        backend: object = self._backends.get(target.name)
        return isinstance(backend, CancelSafe) and backend.cancel_safe

    async def remaining(self, target: Target) -> tuple[Remaining, ...]:
        """Return what is left of the limits of ``target``."""
        return tuple(await self.ledger.remaining(target))

    async def closed_until(self) -> dict[str, float]:
        """Return label → moment of the targets that are better tried last."""
        return self.memory.soft()

    def tell(self, name: EventName, **facts: str | int | None) -> None:
        """Tell the observers that something happened."""
        self._host.emit(Event(name=name, at=self._clock.now(), facts=dict(facts)))

    async def aclose(self) -> None:
        """Close backends and the ledger, each even when another fails."""
        with anyio.CancelScope(shield=True):
            backends = list(self._backends.values())
            self._backends.clear()
            try:
                for backend in backends:
                    await backend.aclose()
            finally:
                await self.store.aclose()


def _open_store(host: Host, settings: Settings) -> Store:
    url = settings.store or default_store()
    store = host.store(url)
    if store is None:
        raise ConfigError(
            f"no installed plugin opens the store {url!r}", hint='use "sqlite:/path/ledger.db" or "memory:"'
        )
    return store
