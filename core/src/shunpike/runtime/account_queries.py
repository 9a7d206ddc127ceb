"""What can be asked of providers without using any quota: their models, what is left of an account, a count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import anyio

from shunpike.errors import (
    ConfigError,
    Overloaded,
    PluginError,
    ProviderError,
    StoreError,
    UnknownProvider,
    UsageError,
)
from shunpike.masking import masked
from shunpike.patience import let_go
from shunpike.protocols import CountsTokens, DescribesModels, ListsModels, Target, TellsBalance
from shunpike.routing.blaming import blaming, checked
from shunpike.runtime.accounts import Account, key_trouble
from shunpike.runtime.endpoints import listing
from shunpike.runtime.live import LiveList, merge
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.snapshot import Snapshot
from shunpike.runtime.wishes import Wishes
from shunpike.tokens import prompt_tokens
from shunpike.types import Balance, Basis, Call, ChatRequest, Completion, Embedding, Verdict
from shunpike.types.base import Record
from shunpike.validation import near

T = TypeVar("T")
Done = TypeVar("Done", Completion, Embedding)


class AccountBalance(Record):
    """What one provider told of an account; ``problem`` says why it told nothing, ``kind`` by what kind of error."""

    provider: str
    balances: tuple[Balance, ...] = ()
    problem: str | None = None
    kind: str | None = None


class TokenCount(Record):
    """The tokens of a prompt, and who counted: ``by`` is a provider's name, a vocabulary's, or ``estimate``."""

    tokens: int
    basis: Basis
    by: str


class AccountQueries:
    """Asks the accounts of one runtime, each query on one snapshot."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def live_models(self, names: Sequence[str]) -> tuple[LiveList, ...]:
        """Return the live lists of ``names``, or of all that can be asked; see `Client.live_models`."""
        async with self._runtime.request() as snapshot:
            chosen = _chosen(snapshot, names, (DescribesModels, ListsModels), "lists its models")
            return await _each(chosen, partial(self._live, snapshot))

    async def balances(self, names: Sequence[str]) -> tuple[AccountBalance, ...]:
        """Return what is left of the accounts of ``names``, or of all that tell; see `Client.balances`."""
        async with self._runtime.request() as snapshot:
            chosen = _chosen(snapshot, names, (TellsBalance,), "tells what is left of an account")
            return await _each(chosen, partial(self._balance, snapshot))

    async def discover(self) -> None:
        """Ask the custom endpoints what they have, each once; see `Client.discover`."""
        async with self._runtime.request() as snapshot:
            await self._runtime.endpoints.discover(snapshot, snapshot.custom)

    async def count_tokens(self, request: ChatRequest, wishes: Wishes) -> TokenCount:
        """Return the tokens of ``request`` for its first target. Raises as planning does, and `ProviderError`."""
        async with self._runtime.request() as snapshot:
            planner = self._runtime.planner
            request = planner.named(snapshot, request)
            expires_mono = planner.expires_mono(snapshot, wishes)
            plan = await planner.plan(snapshot, request, wishes, prompt_tokens(request), expires_mono)
            return await self._count(snapshot, request, plan.targets[0], expires_mono - self._runtime.clock.monotonic())

    async def _count(self, snapshot: Snapshot, request: ChatRequest, target: Target, within: float) -> TokenCount:
        backend = snapshot.backend(target)
        if not isinstance(backend, CountsTokens):
            counter = self._runtime.tokenizers(target.model.id)
            return TokenCount(tokens=prompt_tokens(request, counter), basis=Basis.ESTIMATED, by=counter.label)
        timeouts = snapshot.accounts[target.name].settings.timeouts
        call = Call(request=request, model=target.model.id, max_output=1, attempt_id="count", timeouts=timeouts)
        plugin = snapshot.plugin(target)
        with _asking(plugin, "counting", target.name, f"within {within:.3g} s"), self._runtime.clock.fail_after(within):
            tokens = checked(await backend.count_tokens(call), int, plugin, "counting")
        return TokenCount(tokens=tokens, basis=Basis.MEASURED, by=target.name)

    def check_setup(self, name: str) -> None:
        """Make ready to send to ``name``, without sending anything. Raises `UnknownProvider`, `ConfigError`."""
        snapshot = self._runtime.snapshot
        snapshot.backend_of(_account(snapshot, name))

    async def probe(self, name: str) -> str:
        """Ask ``name`` whether it can be reached; see `Client.probe`."""
        account, host = _account(self._runtime.snapshot, name), self._runtime.host
        if (trouble := key_trouble(account)) is not None:
            raise trouble
        probe, plugin = host.health(account.plugin, account.settings), host.owner(account.plugin)
        if probe is None:
            raise UsageError(f"{name} can't be checked for free", hint=f'ask it something: shunpike -p {name} "hi"')
        with _asking(plugin, "its health probe", name):
            try:
                return masked(checked(await probe.check(), str, plugin, "its health probe"))
            finally:
                await let_go(probe.aclose, self._runtime.clock)

    async def settled(self, done: Done) -> Done:
        """Return ``done`` with what is left of the limits of the model that answered, as the ledger stands now.

        An answer that is there is not lost to a ledger that can't be read: then it comes back as it is.
        """
        who = {(one.provider, one.model) for one in done.decision.candidates if one.verdict is Verdict.ANSWERED}
        targets = [one for one in self._runtime.targets.targets if (one.name, one.model.id) in who]
        try:
            left = [row for one in targets for row in await self._runtime.ledger.remaining(one)]
        except StoreError:
            return done
        drawn = {row.bucket for row in done.decision.remaining}
        now = tuple(row for row in left if row.bucket in drawn)
        decision = done.decision.model_copy(update={"remaining": now or done.decision.remaining})
        return done.model_copy(update={"decision": decision})

    async def _live(self, snapshot: Snapshot, account: Account) -> LiveList:
        known = () if account.own else self._runtime.targets.catalog
        catalog = [model for model in known if model.provider == account.info.id]
        try:
            backend, plugin = snapshot.backend_of(account), snapshot.plugin_of(account)
            with _asking(plugin, "its list of models", account.name):
                live = await listing(backend, plugin)
        except _TOLD as error:
            return LiveList(provider=account.name, **_told(error))
        return LiveList(provider=account.name, rows=merge(account.name, live, catalog), dated=not account.own)

    async def _balance(self, snapshot: Snapshot, account: Account) -> AccountBalance:
        try:
            backend: object = snapshot.backend_of(account)
            plugin = snapshot.plugin_of(account)
            with _asking(plugin, "its balance", account.name):
                found = tuple(await backend.balance() if isinstance(backend, TellsBalance) else ())
            told = tuple(checked(one, Balance, plugin, "its balance") for one in found)
        except _TOLD as error:
            return AccountBalance(provider=account.name, **_told(error))
        return AccountBalance(provider=account.name, balances=told)


@contextmanager
def _asking(plugin: str, what: str, provider: str, in_time: str = "in time") -> Iterator[None]:
    """Do as `blaming`, and raise `Overloaded` of the kind ``timeout`` for a timeout, ours or the plugin's own."""
    try:
        with blaming(plugin, what):
            yield
    except TimeoutError as error:
        raise Overloaded(f"{what}: no answer {in_time}", provider=provider, kind="timeout") from error


_TOLD = (ConfigError, PluginError, ProviderError)


def _told(error: ConfigError | PluginError | ProviderError) -> dict[str, str]:
    """Return what is told of ``error`` in the place of what was asked for."""
    message = f"{error.kind}: {error.message}" if isinstance(error, ProviderError) else error.message
    return {"problem": message, "kind": "config" if isinstance(error, ConfigError) else error.kind}


def _account(snapshot: Snapshot, name: str) -> Account:
    """Return the account of that name. Raises `UnknownProvider`."""
    if name not in snapshot.accounts:
        guess = near(str(name), snapshot.accounts)
        raise UnknownProvider(f'there is no provider called "{name}"{guess}', hint="see: shunpike providers")
    return snapshot.accounts[name]


def _chosen(snapshot: Snapshot, names: Sequence[str], capabilities: tuple[type, ...], what: str) -> list[Account]:
    """Return the accounts to ask. What was named must be able to; of the others, those that can are taken."""
    if not names:
        ready = [account for account in snapshot.accounts.values() if account.problem is None]
        return [account for account in ready if _may(snapshot, account, capabilities)]
    found = []
    for name in dict.fromkeys(names):
        account = _account(snapshot, name)
        if (trouble := key_trouble(account)) is not None:
            raise trouble
        if not isinstance(snapshot.backend_of(account), capabilities):
            raise UsageError(f"{name} is not one that {what}", hint="without a name, all that do are asked")
        found.append(account)
    return found


def _may(snapshot: Snapshot, account: Account, capabilities: tuple[type, ...]) -> bool:
    """Whether ``account`` can do it, or can't even be asked: then that is told in its place."""
    try:
        return isinstance(snapshot.backend_of(account), capabilities)
    except (ConfigError, PluginError):
        return True


async def _each(accounts: Sequence[Account], ask: Callable[[Account], Awaitable[T]]) -> tuple[T, ...]:
    """Ask all at once; return the answers in the order of the accounts."""
    found: dict[str, T] = {}

    async def one(account: Account) -> None:
        found[account.name] = await ask(account)

    async with anyio.create_task_group() as tasks:
        for account in accounts:
            tasks.start_soon(one, account)
    return tuple(found[account.name] for account in accounts)
