"""`Client`: one OpenAI-shaped interface over every provider that is set up."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Never, Self, Unpack

from shunpike.client import option_values as values
from shunpike.client.arguments import check_arguments
from shunpike.client.embed import EmbedOptions, Texts, asked_to_embed
from shunpike.client.loops import Loops, PerLoop
from shunpike.client.options import Options, Prompt, asked
from shunpike.client.results import completion, embedding
from shunpike.client.stream import Finish, Stream
from shunpike.clock import Clock, SystemClock
from shunpike.config import KeyStore, Loaded, load
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.protocols import Store, Target
from shunpike.routing.embedding import Vectors
from shunpike.routing.operation import Completing
from shunpike.routing.streaming import StreamRun
from shunpike.runtime import explaining
from shunpike.runtime.account_queries import AccountBalance, AccountQueries, Done, TokenCount
from shunpike.runtime.blocks import Blocks, of_keys_in_use
from shunpike.runtime.dry_run import dry_run
from shunpike.runtime.health_report import AccountHealth, health_of
from shunpike.runtime.live import LiveList
from shunpike.runtime.names import warn_of
from shunpike.runtime.observing import write_log
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.status import ProviderStatus, limits_shown, statuses
from shunpike.runtime.wishes import Wishes
from shunpike.types import (
    ChatRequest,
    Completion,
    Decision,
    Embedding,
    EmbedRequest,
    ModelInfo,
    Remaining,
    Settings,
    UsageRow,
)
from shunpike.types.dry_run import DryRun


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
        self.environ = environ = os.environ if environ is None else environ
        loaded = load(environ=environ) if settings is None else Loaded.of(settings)
        self.settings, self.warnings = loaded.settings, loaded.warnings
        self.host = Host.load(self.settings.disabled_plugins) if host is None else host
        self.clock = self.host.clock = SystemClock() if clock is None else clock
        write_log(self.host, self.settings)
        warn_of(loaded, self.host, KeyStore())
        keys, of = KeyStore(), environ
        self._loops = Loops(lambda one: Runtime(self.settings, self.host, self.clock, one, of, keys), store)

    async def __aenter__(self) -> Self:
        """Return the client itself; nothing is opened before it is needed."""
        return self

    async def __aexit__(self, *exception: object) -> None:
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
        return await self.answer(*asked(prompt, options, others))

    async def answer(self, request: ChatRequest, wishes: Wishes) -> Completion:
        """Return an answer to a request that is ready: as `complete`, with options that were looked at before.

        For faces such as a gateway, which have read a request themselves. Raises what `complete` raises.
        """
        runtime = self._asking
        wishes = runtime.planner.arrived(wishes)
        async with runtime.request(wishes.known_id) as snapshot:
            context = await runtime.planner.chat(snapshot, request, wishes)
            loop = snapshot.attempt_loop
            return completion(snapshot, *await loop.run(context, Completing(loop.services, context, request)))

    async def embed(self, texts: Texts = (), /, *others: Never, **options: Unpack[EmbedOptions]) -> Embedding:
        """Return a vector for each of ``texts``, which may be one text, in their order.

        ``model`` must be named, and only that model answers: another provider of it may take over, another model
        never does. Raises what `complete` raises.
        """
        return await self.vectors(*asked_to_embed(texts, options, others))

    async def vectors(self, request: EmbedRequest, wishes: Wishes) -> Embedding:
        """Return the vectors of a request that is ready: as `embed`, with options that were looked at before."""
        runtime = self._asking
        wishes = runtime.planner.arrived(wishes)
        async with runtime.request(wishes.known_id) as snapshot:
            context = await runtime.planner.embedding(snapshot, request, wishes)
            loop = snapshot.attempt_loop
            return embedding(snapshot, *await loop.run(context, Vectors(loop.services, context, request)))

    def stream(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Stream:
        """Return the answer as a `Stream` of chunks. It raises what `complete` raises when it is entered.

        A mistake in the call itself raises `UsageError` at once. Until the first content a failing provider is
        replaced without a trace; after it, a stream that breaks off raises `Interrupted`.
        """
        return self.open(*asked(prompt, options, others))

    def open(self, request: ChatRequest, wishes: Wishes) -> Stream:
        """Return the `Stream` of a request that is ready: as `stream`, with options that were looked at before."""

        async def begin(stack: AsyncExitStack) -> tuple[StreamRun, Finish]:
            runtime = self._asking
            here = runtime.planner.arrived(replace(wishes, stream=True))
            snapshot = await stack.enter_async_context(runtime.request(wishes.known_id))
            context = await runtime.planner.chat(snapshot, request, here)
            run = StreamRun(snapshot.attempt_loop, context, request)
            await run.open()
            self._running = [one for one in self._running if one.is_open] + [run]
            return run, partial(completion, snapshot)

        return Stream(begin)

    async def status(self) -> tuple[ProviderStatus, ...]:
        """Return every installed or configured provider and the state it is in."""
        return await statuses(self.runtime)

    async def health(self) -> tuple[AccountHealth, ...]:
        """Return how each provider does: what of it is closed or failing, and what it answered. Asks nobody.

        Raises `StoreError`.
        """
        return await health_of(self.runtime)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return every known model of every installed provider, the retired ones included.

        What custom endpoints have is known after they were asked: see `discover`.
        """
        return self.runtime.targets.catalog

    async def discover(self) -> None:
        """Ask the custom endpoints what they have, each once; one that can't tell is left out."""
        await AccountQueries(self._asking).discover()

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
        return await AccountQueries(self._asking).count_tokens(*asked(prompt, options, others))

    async def limits(self) -> tuple[tuple[Target, Remaining], ...]:
        """Return every limit in force with what is left of it, each shared bucket once."""
        return await limits_shown(self.runtime)

    async def closed(self) -> Blocks:
        """Return bucket → block of what is closed, as far as it is about the keys in use. Raises `StoreError`."""
        return of_keys_in_use(await self.ledger.closed(), self.runtime.snapshot.accounts)

    async def route(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> DryRun:
        """Return who would be asked for ``prompt`` now, in which order, what blocks whom, and what it would cost.

        Nobody is asked, nothing is reserved. Raises what `complete` raises while it plans.
        """
        return await dry_run(self._asking, *asked(prompt, options, others))

    async def explain(self, request_id: str | None = None) -> Decision:
        """Return the record of a request that has ended: who was considered, what blocked whom, what was tried.

        None = the latest of all. Raises `UsageError` where no record is kept of it, `StoreError`.
        """
        return await explaining.explain(self.runtime, values.maybe("request_id", values.word, request_id))

    async def decisions(self, before: float | None = None, limit: int = 100) -> tuple[Decision, ...]:
        """Return the records of the latest requests, newest first: those that began ``before``, epoch seconds.

        At most a thousand at once. Raises `UsageError`, `StoreError`.
        """
        before = values.maybe("before", values.moment, before)
        return await explaining.latest(self.runtime, before, values.whole("limit", limit))

    async def usage(self, since: float, until: float) -> tuple[UsageRow, ...]:
        """Return totals of attempts begun in ``[since, until)``, epoch seconds. Raises `UsageError`, `StoreError`."""
        return tuple(await self.runtime.store.usage(*values.moments(since, until)))

    async def settled(self, done: Done) -> Done:
        """Return ``done`` with what is left now: its own record says what was left while its worst case was held."""
        if not isinstance(done, Completion | Embedding):
            raise values.wrong("done", "an answer of this library", done, "such as done = await client.complete(…)")
        return await AccountQueries(self.runtime).settled(done)

    @property
    def ledger(self) -> Ledger:
        """The ledger of this client, for looking and for settling by hand."""
        return self.runtime.ledger

    async def check_store(self) -> str:
        """Return a few words on the ledger's size and integrity. Raises `StoreError`."""
        return await self.runtime.store.check()

    def check_setup(self, name: str) -> None:
        """Make ready to send to ``name``, without sending anything. Raises `UsageError`, `ConfigError`."""
        AccountQueries(self.runtime).check_setup(name)

    async def probe(self, name: str) -> str:
        """Ask ``name`` whether it can be reached, at no cost. Raises `UsageError`, `NoCredential`, `ProviderError`."""
        return await AccountQueries(self._asking).probe(name)

    def apply(self, settings: Settings | Loaded) -> None:
        """Let other ``settings`` hold from the next request on, and look again at keys: `reload_accounts`.

        The store and the plugins stay those that the client was made with. Raises `ConfigError`, and then everything
        stays as it was.
        """
        found = Loaded.of(settings)
        self._loops.apply(found.settings)
        self.settings, self.warnings = found.settings, found.warnings

    def reload_accounts(self) -> None:
        """Look again at keys and plugins, as after `keys set`; a key that was refused is asked again.

        Requests that run keep the accounts that they began with. Raises `ConfigError`.
        """
        self._loops.reload()
