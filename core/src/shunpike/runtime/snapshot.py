"""What a request works on from its start to its end: settings, accounts, targets, and the services that ask them.

A snapshot never changes. Where a key or a setting does, the runtime makes another one, with which later requests begin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shunpike.clock import Clock, moment
from shunpike.errors import PluginError, StoreError
from shunpike.ledger import Ledger
from shunpike.ledger.terms import funds_of
from shunpike.plugins import Host
from shunpike.protocols import Backend, CancelSafe, Target
from shunpike.routing.affinity import Conversations
from shunpike.routing.attempt_loop import AttemptLoop
from shunpike.routing.candidates import CandidateIndex
from shunpike.routing.context import Attempt, Services
from shunpike.routing.health import Health
from shunpike.routing.hedge_budget import HedgeBudget
from shunpike.routing.meant import Meant, Naming
from shunpike.routing.performance import Performance
from shunpike.routing.plan import Targets
from shunpike.routing.retry_budget import RetryBudget
from shunpike.routing.rungs import ChainIndex
from shunpike.routing.trouble import TroublePlace
from shunpike.runtime.accounts import OWN, Account, build_targets
from shunpike.runtime.prices import PriceBook
from shunpike.runtime.strategies import Strategies
from shunpike.types import FREE, Decision, Funds, Price, Settings, Timeouts
from shunpike.types.control import UNCONTROLLED, Controls
from shunpike.waiting import Queue


@dataclass(frozen=True)
class Shared:
    """What all snapshots of one runtime have in common."""

    host: Host
    clock: Clock
    ledger: Ledger
    health: Health
    queue: Queue
    why_off: Callable[[Target], Awaitable[str | None]]
    obey: Callable[[], Awaitable[int]]
    look_every: float
    performance: Performance
    retries: RetryBudget = field(default_factory=RetryBudget)
    hedges: HedgeBudget = field(default_factory=HedgeBudget)
    keep: Callable[[Decision], None] | None = None
    """Takes the records of requests that have ended."""
    conversations: Conversations = field(default_factory=Conversations)


class Snapshot:
    """One state of settings and accounts. What did not change since ``former`` keeps its backend."""

    def __init__(
        self,
        shared: Shared,
        settings: Settings,
        accounts: Mapping[str, Account],
        former: Snapshot | None = None,
        controls: Controls = UNCONTROLLED,
    ) -> None:
        host, clock = shared.host, shared.clock
        self.settings = settings
        self.accounts = accounts
        self.controls = controls
        self.day = moment(clock.now()).date()
        """The UTC day as of which models are retired."""
        self.targets = build_targets(host, settings, accounts, self.day, controls)
        """Everything that is known to be there without asking anybody."""
        self.strategies: Strategies = Strategies(host, settings)
        if former is not None and former.strategies.are_of(settings):
            self.strategies = former.strategies
        self.naming = Naming(settings.models, settings.routing.rule, settings.model_map)
        """What models are called here."""
        self.has_custom = any(account.own for account in accounts.values())
        """Whether there is any custom endpoint, usable or not."""
        self.requests = 0
        """How many of those that began with it have not ended."""
        self.closed: bool = former is not None and former.closed
        """Whether its client was closed: nothing is sent any more."""
        self._host = host
        self._clock = clock
        self._index = ChainIndex(CandidateIndex(self.targets, self._is_priced))
        self._prices = PriceBook(host, clock, self.targets.catalog)
        self._shared = {name: (_origin(one), f"{name} {one.key.fingerprint}") for name, one in accounts.items()}
        self._backends = {} if former is None else former.kept_for(accounts)
        self.services = Services(
            admission=shared.ledger,
            clock=clock,
            health=shared.health,
            price=self._price,
            backend=self.backend,
            served_price=self.served_price,
            timeouts=self._timeouts,
            cancel_safe=self._cancel_safe,
            where=self.where,
            plugin=self.plugin,
            emit=host.emit,
            observed=host.is_observed,
            queue=shared.queue,
            why_off=shared.why_off,
            obey=shared.obey,
            keep=shared.keep,
            look_every=shared.look_every,
            revision=controls.revision,
            performance=shared.performance,
            retries=shared.retries,
            hedges=shared.hedges,
            conversations=shared.conversations,
        )
        self.attempt_loop = AttemptLoop(self.services)

    def index_of(self, targets: Targets) -> ChainIndex:
        """Return what finds candidates among ``targets``: where no endpoint adds any, what was found is kept."""
        return self._index if targets is self.targets else ChainIndex(CandidateIndex(targets, self._is_priced))

    def stands_for(self, name: str) -> str:
        """Return the model name that is asked for ``name``: another where nobody here has it and a pattern fits it."""
        found = self.naming.instead(Meant(self.naming.chain(name)), self._index.has)
        return name if found is None else found.chain.name

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends that were needed so far."""
        return tuple(self._backends.values())

    def take_backends(self) -> list[Backend]:
        """Return the backends and forget them: they are closed."""
        taken, self._backends = self._backends, {}
        return [*taken.values()]

    def kept_for(self, accounts: Mapping[str, Account]) -> dict[str, Backend]:
        """Return the backends of what is set up in ``accounts`` just as it is here."""
        return {
            name: backend
            for name, backend in dict(self._backends).items()
            if name in accounts and accounts[name].settings == self.accounts[name].settings
        }

    @property
    def custom(self) -> list[Account]:
        """The custom endpoints that can be asked."""
        return [account for account in self.accounts.values() if account.own and account.problem is None]

    def backend(self, target: Target) -> Backend:
        """Return the backend of the target's account, made once."""
        return self.backend_of(self.accounts[target.name])

    def backend_of(self, account: Account) -> Backend:
        """Return the backend of ``account``, made once. Raises `NoCredential`, `ConfigError`, `StoreError`."""
        if self.closed:
            raise StoreError("the ledger is closed")
        if account.name not in self._backends:
            settings = account.settings
            if settings.clock is None:
                settings = settings.model_copy(update={"clock": self._clock})
            self._backends[account.name] = self._host.backend(account.plugin, settings)
        return self._backends[account.name]

    def _price(self, target: Target, prompt_tokens: int, asked: str | None, within: float) -> Price | None:
        if target.tier == OWN:
            return FREE
        return self._prices.worst(target.provider, target.model, prompt_tokens, asked, within)

    def _is_priced(self, target: Target) -> bool:
        return target.tier == OWN or self._prices.price(target.model, 0) is not None

    def served_price(self, attempt: Attempt, served: str, prompt_tokens: int, named: str | None) -> Price | None:
        """Return the price of what answered ``attempt``: ``served`` is the model, ``named`` the tier it names."""
        target = attempt.target
        if target.tier == OWN:
            return FREE
        try:
            price = self._prices.served(target.model, served, prompt_tokens, attempt.started_at)
            return self._prices.billed(target.provider, price, attempt.request.service_tier, named)
        except PluginError as error:
            # The attempt must be booked: without a price, at its worst case.
            self._host.complain(error.plugin, "shunpike_cost", error)
            return None

    def plugin(self, target: Target) -> str:
        """Return the name of the plugin that serves ``target``."""
        return self.plugin_of(self.accounts[target.name])

    def plugin_of(self, account: Account) -> str:
        """Return the name of the plugin that serves ``account``."""
        return self._host.owner(account.plugin)

    def where(self, target: Target) -> TroublePlace:
        """Return what ``target`` shares with others: its account, its address, its key."""
        return TroublePlace(target.label, target.name, *self._shared[target.name])

    def funds(self, target: Target) -> Funds:
        """Return who pays for a call of ``target``."""
        return funds_of(target, self.settings)

    def _timeouts(self, target: Target) -> Timeouts:
        return self.accounts[target.name].settings.timeouts

    def _cancel_safe(self, target: Target) -> bool:
        backend: object = self._backends.get(target.name)
        try:
            return isinstance(backend, CancelSafe) and backend.cancel_safe is True
        except Exception as error:  # noqa: BLE001 - a stranger's property may raise anything
            self._host.complain(self.plugin(target), "cancel_safe", error)
            return False


def _origin(account: Account) -> str:
    """Return the address of ``account``. Several providers may be served at one: each has its own trouble there."""
    address = urlsplit(account.settings.base_url or account.info.base_url)
    return f"{account.info.id} {address.scheme}://{address.netloc}"
