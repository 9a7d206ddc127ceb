"""The composition root: the only place that builds what answers requests, in one event loop.

Client, gateway, workers, simulator and command line take the same `Runtime`. Requests begin with its snapshot, which is
swapped as a whole where a key or a setting changes.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from types import TracebackType

import anyio

from shunpike.clock import Clock, moment
from shunpike.config import KeyStore, resolve_key
from shunpike.config.warned import warn_once
from shunpike.control import Follower, MemoryControl, control_of, why_off
from shunpike.decisions import decisions_of
from shunpike.errors import AttemptExists, ConfigError, StoreError
from shunpike.ledger import Ledger
from shunpike.patience import answered, let_go
from shunpike.plugins import Host
from shunpike.protocols import Backend, Store, Target
from shunpike.routing.health import Health
from shunpike.routing.performance import Performance
from shunpike.routing.plan import Targets
from shunpike.runtime.accounts import Account, find_accounts, with_catalogs, with_switches
from shunpike.runtime.counter import Tokenizers
from shunpike.runtime.endpoints import Endpoints
from shunpike.runtime.limits import GrantedLimits
from shunpike.runtime.names import check_budgets
from shunpike.runtime.planner import Planner
from shunpike.runtime.request_ids import duplicate, enter, leave
from shunpike.runtime.snapshot import Shared, Snapshot
from shunpike.runtime.stores import open_store
from shunpike.types import ProviderSettings, Settings
from shunpike.types.control import Controls
from shunpike.waiting import SWITCHES, Queue

LOOK_FOR = 0.5
"""Seconds for which a request that begins waits for what an operator changed; before it is sent, as long as it may."""
LOOK_EVERY = 0.5
"""Seconds after which those that wait look for it. What only this process can change is looked for by none of them:
each request that begins or is sent looks, and so does `Runtime.obey`, and wakes them."""


class Runtime:
    """Everything that requests of one event loop need, over a store that loops and processes may share.

    Args:
        store: Stays open until `close_store`; None = the one that the settings name.

    Raises `ConfigError`.

    """

    def __init__(
        self,
        settings: Settings,
        host: Host,
        clock: Clock,
        store: Store | None,
        environ: Mapping[str, str],
        keys: KeyStore,
    ) -> None:
        self.host = host
        self.clock = clock
        self._environ = environ
        self._keys = keys
        self.store = store if store is not None else open_store(host, settings, clock)
        self.control = control_of(self.store)
        """What an operator changes while processes run; None where the store keeps a ledger and nothing else."""
        self._follower = Follower(settings, self.control, clock)
        accounts = self._accounts(*self._follower.in_force)
        self.queue = Queue()
        self.health = Health(clock)
        self.ledger = Ledger(self.store, clock, settings, GrantedLimits(host), queue=self.queue, emit=host.emit)
        self.endpoints = Endpoints(clock)
        self.tokenizers = Tokenizers(host)
        look_every = inf if isinstance(self.control, MemoryControl | None) else LOOK_EVERY
        self.performance = Performance()
        looks = self._why_off, self.obey, look_every
        self.decisions = decisions_of(self.store, settings.keep_decisions) if settings.keep_decisions else None
        """Why requests went where they went; None where no record is kept."""
        keep = None if self.decisions is None else self.decisions.keep
        self._shared = Shared(host, clock, self.ledger, self.health, self.queue, *looks, self.performance, keep=keep)
        self.snapshot = Snapshot(self._shared, settings, accounts)
        """What requests that begin now work on."""
        self._former: list[Snapshot] = []
        """Swapped for others, with requests that may still run."""
        self._renewed: set[str] = set()
        """The accounts whose keys are asked again although they were refused."""
        self._lock = threading.Lock()
        self.planner = Planner(self._shared, self.endpoints, self.tokenizers)

    def _accounts(self, settings: Settings, controls: Controls) -> dict[str, Account]:
        check_budgets(settings, self.host)
        accounts = find_accounts(self.host, settings, self._environ, self._keys)
        return with_switches(with_catalogs(self.host, accounts), controls)

    @property
    def targets(self) -> Targets:
        """Everything that is known to be there, without asking anybody."""
        return self.endpoints.known(self.snapshot)

    @property
    def controls(self) -> Controls | None:
        """What an operator changed, as far as it is known here; None = the store has not told it yet."""
        return self._follower.controls if self.control is None or self._follower.has_looked else None

    def reload(self) -> None:
        """Look again at keys and plugins; keys that were refused are asked again. From any thread.

        Raises `ConfigError`, and then everything stays as it was.
        """
        while not self._swap(self.snapshot.accounts):
            pass

    def apply(self, settings: Settings) -> None:
        """Let other settings of files and variables hold from the next request on, and look again at keys.

        Raises `ConfigError`, and then everything stays as it was.
        """
        former = self._follower.base
        self._follower.rebase(settings)
        try:
            self.reload()
        except ConfigError:
            self._follower.rebase(former)
            raise

    def _swap(self, renewed: Iterable[str] = ()) -> bool:
        """Return False where another thread was faster: what was read before must not replace what it has read."""
        former, in_force = self.snapshot, self._follower.in_force
        accounts = self._accounts(*in_force)  # Files are read outside of the lock that requests take.
        with self._lock:
            if former is not self.snapshot or in_force is not self._follower.in_force:
                return False
            latest = Snapshot(self._shared, in_force.settings, accounts, former, in_force.controls)
            self.ledger.apply(in_force.settings)
            self.snapshot = latest
            self._former.append(former)
            known = former.accounts
            changed = (name for name, one in accounts.items() if name in known and known[name].key != one.key)
            self._renewed.update(renewed, changed)
            return True

    def request(self, request_id: str | None = None) -> SnapshotLease:
        """Return the context of one request, which gives the snapshot that it keeps to its end.

        With a ``request_id`` it raises `DuplicateRequest` where one of that id runs, or another process was faster.
        """
        return SnapshotLease(self, request_id)

    async def begin(self) -> Snapshot:
        """Return the snapshot for a request that begins now. `end` must be told of it."""
        await self.obey()
        self._catch_up()
        with self._lock:
            snapshot, renewed, self._renewed = self.snapshot, self._renewed, set()
        if renewed:
            self.health.renew(renewed)
        snapshot.requests += 1
        return snapshot

    async def obey(self) -> int:
        """Take in what an operator changed, and return its revision: by whatever process, and before any that waits.

        What can't be read now is obeyed before sending.
        """
        if self._follower.is_due:
            with suppress(StoreError):
                await answered(self._look(), self.clock, LOOK_FOR)
        return self._follower.controls.revision

    async def heed(self) -> None:
        """Take in at once what was changed from here. Raises `StoreError`."""
        self._follower.expect_change()
        await self._look()

    async def _look(self) -> None:
        if await self._follower.look():
            self.queue.stir(SWITCHES)
            self._catch_up()

    def _catch_up(self) -> None:
        """Swap a snapshot that is out of date. Where that can't be, the next request tries again."""
        try:
            while self._is_outdated and not self._swap():
                pass
        except ConfigError as error:  # What holds until now does so on; switches are obeyed before sending.
            warn_once(f"what was changed does not hold yet: {error.message}", error.hint or "take it back")

    async def _why_off(self, target: Target) -> str | None:
        """Return why ``target`` must not be sent to, whatever its request began with. Raises `StoreError`."""
        await self._look()
        switch = self._follower.controls.switched_off(target.provider.id, target.name, target.model.id)
        return None if switch is None else why_off(switch)

    async def end(self, snapshot: Snapshot) -> None:
        """Note that a request has ended. Backends that no other can use any more are closed."""
        snapshot.requests -= 1
        if self._former:
            await self._close(self._unused())

    @property
    def _is_outdated(self) -> bool:
        """Whether a control, the day, or a key that was refused is another one now. Raises `ConfigError`."""
        now, refused = self.snapshot, self.health.refused_keys
        if now.controls is not self._follower.controls or now.day != moment(self.clock.now()).date():
            return True
        for name, account in now.accounts.items() if refused else ():
            if f"{name} {account.key.fingerprint}" in refused:
                section = now.settings.providers.get(name, ProviderSettings())
                key = resolve_key(name, account.info.env_key, section, self._environ, self._keys)
                if key.fingerprint != account.key.fingerprint:
                    return True
        return False

    def _unused(self) -> list[Backend]:
        """Return the backends that no request can use any more, and forget them."""
        with self._lock:
            over = [one for one in self._former if not one.requests]
            self._former = [one for one in self._former if one.requests]
        used = {id(backend) for one in (self.snapshot, *self._former) for backend in one.backends}
        return [one for old in over for one in old.backends if id(one) not in used]

    def refuse(self) -> None:
        """Send nothing any more: the client is being closed. From any thread."""
        with self._lock:
            for one in (self.snapshot, *self._former):
                one.closed = True

    async def leave(self) -> None:
        """Close backends, each even when another fails. Who waits is told so at once."""
        self.queue.close()
        with self._lock:
            everywhere, self._former = (self.snapshot, *self._former), []
        await self._close(backend for one in everywhere for backend in one.take_backends())

    async def _close(self, backends: Iterable[Backend]) -> None:
        for backend in {id(one): one for one in backends}.values():
            await self._let_go(backend, partial(let_go, backend.aclose, self.clock), Exception)

    async def close_store(self) -> None:
        """Book what could not be booked, and let go of the store."""
        await self._let_go(self.store, self.ledger.aclose, TimeoutError)

    async def _let_go(self, what: object, close: Callable[[], Awaitable[None]], kind: type[Exception]) -> None:
        """Let go of a stranger's object, and warn of an error of ``kind``: the others wait."""
        with anyio.CancelScope(shield=True):
            try:
                await close()
            except kind as error:
                self.host.complain(self.host.maker(what), "aclose", error)


class SnapshotLease:
    """The time of one request, through which it holds its snapshot.

    No generator: one that nobody can close any more is ended with a warning.
    """

    def __init__(self, runtime: Runtime, request_id: str | None) -> None:
        self._runtime = runtime
        self._id = request_id
        self._snapshot: Snapshot | None = None

    async def __aenter__(self) -> Snapshot:
        """Return the snapshot."""
        enter(self._runtime.store, self._id)
        try:
            self._snapshot = await self._runtime.begin()
        except BaseException:
            leave(self._runtime.store, self._id)
            raise
        return self._snapshot

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        try:
            if self._snapshot is not None:
                await self._runtime.end(self._snapshot)
        finally:
            leave(self._runtime.store, self._id)
        if self._id is not None and isinstance(error, AttemptExists):
            raise duplicate(self._id, await self._runtime.ledger.attempts_of(self._id)) from None
