"""The blocking client: a `Client` that stays connected, on an event loop of its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Never, Self, Unpack

from typing_extensions import override

from shunpike.client import AccountBalance, Client, EmbedOptions, LiveList, Options, ProviderStatus, Stream, TokenCount
from shunpike.client.embed import Texts
from shunpike.client.options import Prompt
from shunpike.clock import Clock
from shunpike.config import Loaded
from shunpike.loop_thread import LoopThread
from shunpike.plugins import Host
from shunpike.protocols import Store, Target
from shunpike.runtime.health_report import AccountHealth
from shunpike.types import Chunk, Completion, Decision, Embedding, Message, ModelInfo, Remaining, Settings, UsageRow
from shunpike.types.dry_run import DryRun


class SyncClient:
    """Answers from many providers, blocking: ``with SyncClient() as client: client.complete("…")``.

    Connections, the ledger and what was learnt of limits are kept from call to call. It may be shared by threads, and
    used in a notebook. Ctrl-C ends the call that waits, and closes and settles what was running. Arguments, options
    and errors are those of `Client`; in a forked process, after `close` and on its own thread calls raise
    `UsageError`.
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
        self._client = Client(settings, host=host, clock=clock, store=store, environ=environ, **unknown)
        self._loop = LoopThread(self._client.aclose)

    def __enter__(self) -> Self:
        """Return the client itself; nothing is opened before it is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        self.close()

    def close(self) -> None:
        """Close streams that were left open, connections and the ledger; calling it again does nothing."""
        self._loop.close()

    def __del__(self) -> None:
        """Close what nobody can close any more."""
        loop: LoopThread | None = getattr(self, "_loop", None)  # not there where making it failed
        if loop is not None and loop.is_open:
            warnings.warn("a SyncClient was left open: close it, or use `with`", ResourceWarning, stacklevel=2)
            loop.leave()

    @override
    def __repr__(self) -> str:
        return f"<SyncClient {'open' if self._loop.is_open else 'not open'}>"

    def complete(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Completion:
        """Return an answer; see `Client.complete`."""
        return self._loop.run(lambda: self._client.complete(prompt, *others, **options))

    ask = complete

    def stream(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> SyncStream:
        """Return the answer as a `SyncStream` of chunks; see `Client.stream`."""
        return SyncStream(self, self._loop, self._client.stream(prompt, *others, **options))

    def embed(self, texts: Texts = (), /, *others: Never, **options: Unpack[EmbedOptions]) -> Embedding:
        """Return a vector for each of ``texts``; see `Client.embed`."""
        return self._loop.run(lambda: self._client.embed(texts, *others, **options))

    def count_tokens(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> TokenCount:
        """Return the tokens of ``prompt``; see `Client.count_tokens`."""
        return self._loop.run(lambda: self._client.count_tokens(prompt, *others, **options))

    def models(self) -> tuple[ModelInfo, ...]:
        """Return every known model; see `Client.models`."""
        return self._client.models()

    def reload_accounts(self) -> None:
        """Look again at keys and plugins; see `Client.reload_accounts`."""
        self._client.reload_accounts()

    def discover(self) -> None:
        """Ask the custom endpoints what they have; see `Client.discover`."""
        self._loop.run(self._client.discover)

    def live_models(self, names: str | Sequence[str] = ()) -> tuple[LiveList, ...]:
        """Ask providers for their models today; see `Client.live_models`."""
        return self._loop.run(partial(self._client.live_models, names))

    def balances(self, names: str | Sequence[str] = ()) -> tuple[AccountBalance, ...]:
        """Ask providers what is left of their accounts; see `Client.balances`."""
        return self._loop.run(partial(self._client.balances, names))

    def status(self) -> tuple[ProviderStatus, ...]:
        """Return every provider and the state it is in; see `Client.status`."""
        return self._loop.run(self._client.status)

    def health(self) -> tuple[AccountHealth, ...]:
        """Return how each provider does; see `Client.health`."""
        return self._loop.run(self._client.health)

    def limits(self) -> tuple[tuple[Target, Remaining], ...]:
        """Return every limit in force with what is left of it; see `Client.limits`."""
        return self._loop.run(self._client.limits)

    def usage(self, since: float, until: float) -> tuple[UsageRow, ...]:
        """Return totals of the attempts begun in ``[since, until)``, epoch seconds; see `Client.usage`."""
        return self._loop.run(partial(self._client.usage, since, until))

    def route(self, prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> DryRun:
        """Return what would become of ``prompt`` now, asking nobody; see `Client.route`."""
        return self._loop.run(lambda: self._client.route(prompt, *others, **options))

    def explain(self, request_id: str | None = None) -> Decision:
        """Return the record of a request that has ended; see `Client.explain`."""
        return self._loop.run(partial(self._client.explain, request_id))

    def decisions(self, before: float | None = None, limit: int = 100) -> tuple[Decision, ...]:
        """Return the records of the latest requests; see `Client.decisions`."""
        return self._loop.run(partial(self._client.decisions, before, limit))


class SyncStream:
    """An answer in chunks, blocking between them: ``with client.stream(…) as stream: for chunk in stream``.

    Leaving the context closes the connection and settles the ledger. Without the context a loop may be left just so:
    that closes it too. ``completion`` is there after the end.
    """

    def __init__(self, client: SyncClient, loop: LoopThread, stream: Stream) -> None:
        self._client = client  # kept while the stream is: a client that nobody holds is closed
        self._loop = loop
        self._stream = stream
        self._opened = False
        self._entered = False

    def __enter__(self) -> Self:
        """Connect: fall over until the first content arrives. Raises `Exhausted` and `RequestError`."""
        self._entered = True
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; what was used is booked."""
        self.close()

    def close(self) -> None:
        """Close the connection; calling it again does nothing."""
        if self._opened and self._loop.is_open:
            self._loop.run(self._stream.aclose)

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks, each once. What is read without a context is closed when the loop is left."""
        try:
            self._open()
            while (chunk := self._loop.run(self._stream.next)) is not None:
                yield chunk
        finally:
            if not self._entered:
                self.close()

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            self._loop.run(self._stream.__aenter__)

    @override
    def __repr__(self) -> str:
        return f"<Sync{repr(self._stream)[1:]}"

    @property
    def completion(self) -> Completion:
        """The whole answer with its decision and cost. Raises `UsageError` before the end."""
        return self._stream.completion

    @property
    def message(self) -> Message:
        """The message of the whole answer. Raises `UsageError` before the end."""
        return self._stream.message

    @property
    def finish_reason(self) -> str:
        """Why the answer ended. Raises `UsageError` before the end."""
        return self._stream.finish_reason

    @property
    def provider(self) -> str | None:
        """Who is answering, once it is known."""
        return self._stream.provider

    @property
    def simulated(self) -> bool:
        """True when a sandbox is answering."""
        return self._stream.simulated
