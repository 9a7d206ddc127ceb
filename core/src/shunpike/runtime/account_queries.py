"""What can be asked of providers without using any quota: their models, what is left of an account, a count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from shunpike.errors import (
    ConfigError,
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
    """Asks the accounts of one house."""

    def __init__(self, house: Runtime) -> None:
        self._house = house

    async def live_models(self, names: Sequence[str]) -> tuple[LiveList, ...]:
        """Return the live lists of ``names``, or of all that can be asked; see `Client.live_models`."""
        return await _each(self._chosen(names, (DescribesModels, ListsModels), "lists its models"), self._live)

    async def balances(self, names: Sequence[str]) -> tuple[AccountBalance, ...]:
        """Return what is left of the accounts of ``names``, or of all that tell; see `Client.balances`."""
        return await _each(self._chosen(names, (TellsBalance,), "tells what is left of an account"), self._balance)

    async def count_tokens(self, request: ChatRequest, target: Target) -> TokenCount:
        """Return the tokens of ``request`` for ``target``. Raises `ProviderError`."""
        backend = self._house.backend(target)
        if not isinstance(backend, CountsTokens):
            counter = self._house.tokenizer(target.model.id)
            return TokenCount(tokens=prompt_tokens(request, counter), basis=Basis.ESTIMATED, by=counter.label)
        call = Call(
            request=request,
            model=target.model.id,
            max_output=1,
            attempt_id="count",
            timeouts=self._house.accounts[target.name].settings.timeouts,
        )
        plugin = self._house.plugin(target)
        with blaming(plugin, "counting"):
            tokens = checked(await backend.count_tokens(call), int, plugin, "counting")
        return TokenCount(tokens=tokens, basis=Basis.MEASURED, by=target.name)

    def account(self, name: str) -> Account:
        """Return the account of that name. Raises `UnknownProvider`."""
        known = self._house.accounts
        if name not in known:
            guess = near(str(name), known)
            raise UnknownProvider(f'there is no provider called "{name}"{guess}', hint="see: shunpike providers")
        return known[name]

    async def probe(self, name: str) -> str:
        """Ask ``name`` whether it can be reached; see `Client.probe`."""
        account = self.account(name)
        if (trouble := key_trouble(account)) is not None:
            raise trouble
        probe, plugin = self._house.health(account), self._house.owner(account)
        if probe is None:
            raise UsageError(f"{name} can't be checked for free", hint=f'ask it something: shunpike -p {name} "hi"')
        with blaming(plugin, "its health probe"):
            try:
                return masked(checked(await probe.check(), str, plugin, "its health probe"))
            finally:
                await let_go(probe.aclose, self._house.services.clock)

    async def settled(self, done: Done) -> Done:
        """Return ``done`` with what is left of the limits of the model that answered, as the ledger stands now.

        An answer that is there is not lost to a ledger that can't be read: then it comes back as it is.
        """
        who = {(one.provider, one.model) for one in done.decision.candidates if one.verdict is Verdict.ANSWERED}
        targets = [one for one in self._house.roster.targets if (one.name, one.model.id) in who]
        try:
            left = [row for one in targets for row in await self._house.remaining(one)]
        except StoreError:
            return done
        drawn = {row.bucket for row in done.decision.remaining}
        now = tuple(row for row in left if row.bucket in drawn)
        decision = done.decision.model_copy(update={"remaining": now or done.decision.remaining})
        return done.model_copy(update={"decision": decision})

    def _chosen(self, names: Sequence[str], capabilities: tuple[type, ...], what: str) -> list[Account]:
        """Return the accounts to ask. What was named must be able to; of the others, those that can are taken."""
        if not names:
            ready = [account for account in self._house.accounts.values() if account.problem is None]
            return [account for account in ready if self._may(account, capabilities)]
        found = []
        for name in dict.fromkeys(names):
            account = self.account(name)
            if (trouble := key_trouble(account)) is not None:
                raise trouble
            if not isinstance(self._house.backend_of(account), capabilities):
                raise UsageError(f"{name} is not one that {what}", hint="without a name, all that do are asked")
            found.append(account)
        return found

    def _may(self, account: Account, capabilities: tuple[type, ...]) -> bool:
        """Whether ``account`` can do it, or can't even be asked: then that is told in its place."""
        try:
            return isinstance(self._house.backend_of(account), capabilities)
        except (ConfigError, PluginError):
            return True

    async def _live(self, account: Account) -> LiveList:
        known = () if account.own else self._house.roster.catalog
        catalog = [model for model in known if model.provider == account.info.id]
        try:
            with blaming(self._house.owner(account), "its list of models"):
                live = await listing(self._house.backend_of(account))
        except ConfigError as error:
            return LiveList(provider=account.name, problem=error.message, kind="config")
        except PluginError as error:
            return LiveList(provider=account.name, problem=error.message, kind=error.kind)
        except ProviderError as error:
            return LiveList(provider=account.name, problem=f"{error.kind}: {error.message}", kind=error.kind)
        return LiveList(provider=account.name, rows=merge(account.name, live, catalog), dated=not account.own)

    async def _balance(self, account: Account) -> AccountBalance:
        try:
            backend: object = self._house.backend_of(account)
            with blaming(self._house.owner(account), "its balance"):
                told = tuple(await backend.balance() if isinstance(backend, TellsBalance) else ())
        except ConfigError as error:
            return AccountBalance(provider=account.name, problem=error.message, kind="config")
        except PluginError as error:
            return AccountBalance(provider=account.name, problem=error.message, kind=error.kind)
        except ProviderError as error:
            return AccountBalance(provider=account.name, problem=f"{error.kind}: {error.message}", kind=error.kind)
        return AccountBalance(provider=account.name, balances=tuple(told))


async def _each(accounts: Sequence[Account], ask: Callable[[Account], Awaitable[T]]) -> tuple[T, ...]:
    """Ask all at once; return the answers in the order of the accounts."""
    found: dict[str, T] = {}

    async def one(account: Account) -> None:
        found[account.name] = await ask(account)

    async with anyio.create_task_group() as tasks:
        for account in accounts:
            tasks.start_soon(one, account)
    return tuple(found[account.name] for account in accounts)
