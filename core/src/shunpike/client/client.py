"""`Client`: one OpenAI-shaped interface over every provider that is set up."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Never, Self, Unpack

from shunpike.client import option_values as values
from shunpike.client.arguments import check_arguments
from shunpike.client.embed import (
    EmbedOptions,
    Texts,
    accepted_for_embed,
    build_embed,
    check_model,
    longest_text,
    text_bound,
    text_tokens,
)
from shunpike.client.loops import Loops, PerLoop
from shunpike.client.options import Options, Prompt, asked, reads_of
from shunpike.client.stream import Stream
from shunpike.clock import Clock, SystemClock
from shunpike.config import KeyStore, Loaded, load
from shunpike.errors import UnknownModel, UnknownProvider
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.protocols import Store, Target, View
from shunpike.routing.context import RequestContext
from shunpike.routing.embedding import Vectors
from shunpike.routing.operation import Completing
from shunpike.routing.plan import Plan, Rules, find_candidates
from shunpike.routing.states import states_of
from shunpike.routing.streaming import StreamRun
from shunpike.runtime.account_queries import AccountBalance, AccountQueries, Done, TokenCount
from shunpike.runtime.blocks import Blocks, of_keys_in_use
from shunpike.runtime.counter import Counter
from shunpike.runtime.limits import limits_shown
from shunpike.runtime.live import LiveList
from shunpike.runtime.names import explained, warn_of
from shunpike.runtime.nobody import nothing_to_ask
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.status import ProviderStatus, provider_status
from shunpike.runtime.strategies import Strategies
from shunpike.tokens import prompt_bound, prompt_tokens
from shunpike.types import ChatRequest, Completion, Embedding, EmbedRequest, ModelInfo, Remaining, Settings, UsageRow
from shunpike.waiting import Waiter


class Client(PerLoop):
    """Answers from many providers. Use it as ``async with Client() as client``; it works on asyncio and trio.

    It may be used in several event loops, also at the same time: see ``loops.py``.
    Without ``settings`` files and environment are read. Raises `ConfigError`; what of them does not hold is told once
    by a `ConfigWarning`, and stands in ``warnings``.
    """

    def __init__(
        self,
        settings: Settings | Loaded | None = None,
        *,
        host: Host | None = None,
        clock: Clock | None = None,
        store: Store | None = None,
        environ: Mapping[str, str] | None = None,
        **unknown: Never,
    ) -> None:
        check_arguments(locals(), unknown)
        environ = os.environ if environ is None else environ
        loaded = load(environ=environ) if settings is None else Loaded.of(settings)
        self.settings, self.warnings = loaded.settings, loaded.warnings
        self.host = Host.load(self.settings.disabled_plugins) if host is None else host
        self.clock = self.host.clock = SystemClock() if clock is None else clock
        warn_of(loaded, self.host, KeyStore())
        keys, of = KeyStore(), environ
        self._loops = Loops(lambda one: Runtime(self.settings, self.host, self.clock, one, of, keys), store, self.clock)
        self._strategies = Strategies(self.host, self.settings)

    async def __aenter__(self) -> Self:
        """Return the client itself; nothing is opened before it is needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close streams that were left open, connections and the ledger; calling it again does nothing."""
        await self._loops.aclose()

    async def complete(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Completion:
        """Return an answer to ``prompt`` (a text, messages, or a `ChatRequest`), with its provenance and cost.

        Raises `UsageError`, `UnknownModel`, `UnknownProvider`, `NoCredential`, `RequestError` where no provider can
        help, and `Exhausted` with every candidate and what blocks it.
        """
        given = asked(prompt, options, others)
        context = await self._context(given)
        answer, attempt, recorder = await self._loop.run(context, Completing(self._loop.services, context, given[1]))
        return self._results.completion(answer, attempt, recorder)

    async def embed(self, texts: Texts = (), /, *others: Never, **options: Unpack[EmbedOptions]) -> Embedding:
        """Return a vector for each of ``texts``, which may be one text, in their order.

        ``model`` must be named, and only that model answers: another provider of it may take over, another model
        never does. Raises `UsageError`, `UnknownModel`, `UnknownProvider`, `NoCredential`, `RequestError`,
        `Exhausted`.
        """
        given = accepted_for_embed(options, others)
        waiter, request = self._asking.queue.arrive(given.get("priority") or "interactive"), build_embed(texts, given)
        expires = self._expires(given)
        named: Options = {"providers": given["providers"]} if "providers" in given else {}
        plan = await self._plan(request, named, text_tokens(request), expires, waiter.place.arrival)
        context = self._begin(request, plan, given, (text_tokens(request), text_bound(request)), waiter, expires)
        answer, attempt, recorder = await self._loop.run(context, Vectors(self._loop.services, context, request))
        return self._results.embedding(answer, attempt, recorder)

    def stream(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Stream:
        """Return the answer as a `Stream` of chunks. It raises what `complete` raises when it is entered.

        A mistake in the call itself raises `UsageError` at once. Until the first content a failing provider is
        replaced without a trace; after it, a stream that breaks off raises `Interrupted`.
        """
        given = asked(prompt, options, others)

        async def begin() -> StreamRun:
            run = StreamRun(self._loop, await self._context(given), given[1])
            await run.open()
            self._running = [one for one in self._running if one.is_open] + [run]
            return run

        return Stream(begin, self._results.completion)

    async def _context(self, given: tuple[Options, ChatRequest]) -> RequestContext:
        options, request = given
        waiter = self._asking.queue.arrive(options.get("priority") or "interactive")
        size, expires = prompt_tokens(request), self._expires(options)
        plan = await self._plan(request, options, size, expires, waiter.place.arrival)
        context = self._begin(request, plan, options, (size, prompt_bound(request)), waiter, expires)
        counter = Counter(request, size, self._house.tokenizer, self.host)
        return replace(context, counted=counter, reads=reads_of(options))

    def _begin(
        self,
        request: ChatRequest | EmbedRequest,
        plan: Plan,
        options: Options | EmbedOptions,
        size: tuple[int, int],
        waiter: Waiter,
        expires: float,
    ) -> RequestContext:
        settings, request_id = self.settings, f"req_{secrets.token_hex(10)}"
        return RequestContext(
            request=request,
            request_id=request_id,
            plan=plan,
            prompt_tokens=size[0],
            prompt_bound=size[1],
            min_output=settings.min_output,
            max_attempts=settings.max_attempts,
            expires=expires,
            attempt_share=settings.attempt_share,
            strict=bool(options.get("strict")),
            tag=options.get("tag"),
            priority=options.get("priority") or "interactive",
            waiter=waiter,
            waits=bool(options.get("wait", settings.wait)),
        )

    def _expires(self, options: Options | EmbedOptions) -> float:
        """Return when a request that begins now ends at the latest, on the monotonic clock."""
        return self.clock.monotonic() + float(options.get("timeout") or self.settings.timeout)

    async def _plan(
        self, request: ChatRequest | EmbedRequest, options: Options, size: int, expires: float, seed: int = 0
    ) -> Plan:
        names = tuple(named) if (named := options.get("providers")) is not None else None
        self._asking.look_for_keys()
        roster = await self._house.roster_for(request.model, names, request.kind, expires - self.clock.monotonic())
        await self._house.hear(max(expires - self.clock.monotonic(), 0.0))
        view = View(
            now=self.clock.now(),
            prompt_tokens=size,
            max_output=0 if isinstance(request, EmbedRequest) else request.output_cap or self.settings.min_output,
            options=dict(self.settings.strategy_options),
            seed=seed,
            blocked_until=await self._house.closed_until(),
        )
        longest = longest_text(request) if isinstance(request, EmbedRequest) else 0
        rules = Rules(providers=names, allow_paid=self.settings.allow_paid, longest_text=longest)
        strategy = self._strategies.get(options.get("strategy") or self.settings.strategy)
        try:
            if isinstance(request, EmbedRequest):
                check_model(request.model, roster)
            found = find_candidates(request, roster, rules, view)
        except (UnknownModel, UnknownProvider) as error:
            meant = (*(names or ()), request.model.partition("/")[0])
            raise explained(error, meant, self.settings, self.host) from None
        if strategy.needs_states:
            states = await states_of(found.eligible, self._house.services, request, size, expires)
            view = replace(view, states=states)
        plan = found.ranked(request, strategy, view)
        if not plan.targets:
            raise self._house.mistake(plan.dropped) or nothing_to_ask(self.host, plan, request.model, size)
        return plan

    async def status(self) -> tuple[ProviderStatus, ...]:
        """Return every installed or configured provider and the state it is in."""
        versions = {loaded.name: loaded.version for loaded in self.host.loaded}
        rows = []
        for account in self._house.accounts.values():
            own = [target for target in self._house.roster.targets if target.name == account.name]
            limits = [await self._house.remaining(target) for target in own]
            rows.append(
                provider_status(
                    account,
                    version=versions.get(self.host.owner(account.plugin), "?"),
                    models=self._house.count(account),
                    remaining=tuple(one for group in limits for one in group),
                    standby=account.info.simulated and self._house.roster.real,
                )
            )
        return tuple(rows)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return every known model of every installed provider, the retired ones included.

        What endpoints of the owner's own have is known after they were asked: see `discover`.
        """
        return self._house.roster.catalog

    async def discover(self) -> None:
        """Ask the endpoints of the owner's own what they have, each once; one that can't tell is left out."""
        await self._asking.endpoints.discover(self._house.own)

    async def live_models(self, names: str | Sequence[str] = ()) -> tuple[LiveList, ...]:
        """Ask providers for their models today and return them merged with the catalog; costs no quota.

        Without ``names``, all that can be asked. A provider that gives no list has its ``problem`` told. Raises
        `UnknownProvider`, and `NoCredential` for a named one without a key.
        """
        return await AccountQueries(self._asking).live_models(values.some_names("names", names))

    async def balances(self, names: str | Sequence[str] = ()) -> tuple[AccountBalance, ...]:
        """Ask providers what is left of their accounts; costs no quota. Arguments and errors as `live_models`."""
        return await AccountQueries(self._asking).balances(values.some_names("names", names))

    async def count_tokens(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> TokenCount:
        """Return the tokens of ``prompt``: counted by the provider of ``model`` where it does so, else estimated.

        Counting costs nothing. Raises as `complete` does while it plans, and `ProviderError`.
        """
        given, request = asked(prompt, options, others)
        plan = await self._plan(request, given, prompt_tokens(request), self._expires(given))
        return await AccountQueries(self._house).count_tokens(request, plan.targets[0])

    async def limits(self) -> tuple[tuple[Target, Remaining], ...]:
        """Return every limit in force with what is left of it, each shared bucket once."""
        return await limits_shown(self._house)

    async def closed(self) -> Blocks:
        """Return bucket → block of what is closed, as far as it is about the keys in use. Raises `StoreError`."""
        return of_keys_in_use(await self.ledger.closed(), self._house.accounts)

    async def usage(self, since: float, until: float) -> tuple[UsageRow, ...]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``, epoch seconds."""
        return tuple(await self._house.store.usage(*values.moments(since, until)))

    async def settled(self, done: Done) -> Done:
        """Return ``done`` with what is left now: its own record says what was left while its worst case was held."""
        if not isinstance(done, Completion | Embedding):
            raise values.wrong("done", "an answer of this library", done, "such as done = await client.complete(…)")
        return await AccountQueries(self._house).settled(done)

    @property
    def ledger(self) -> Ledger:
        """The books of this client, for looking and for settling by hand."""
        return self._house.ledger

    async def check_store(self) -> str:
        """Return a few words on the ledger's size and integrity. Raises `StoreError`."""
        return await self._house.store.check()

    def check_setup(self, name: str) -> None:
        """Make ready to send to ``name``, without sending anything. Raises `UsageError`, `ConfigError`."""
        self._house.backend_of(AccountQueries(self._house).account(name))

    async def probe(self, name: str) -> str:
        """Ask ``name`` whether it can be reached, at no cost. Raises `UsageError`, `NoCredential`, `ProviderError`."""
        return await AccountQueries(self._asking).probe(name)

    def reload_accounts(self) -> None:
        """Look again at keys and plugins, as after `keys set`."""
        self._house.reload()
