"""An answer while it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from typing_extensions import override

from shunpike.client.leaving import Close, Start, starter
from shunpike.errors import UsageError
from shunpike.routing.context import Attempt
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.streaming import StreamRun
from shunpike.types import Answer, Chunk, Completion, Message

Finish = Callable[[Answer, Attempt, DecisionRecorder], Completion]
Begin = Callable[[AsyncExitStack], Awaitable[tuple[StreamRun, Finish]]]
"""Opens what is read; what must be let go of after its end is put on the stack."""


class Stream:
    """An answer in chunks: ``async with client.stream(…) as stream: async for chunk in stream``.

    Leaving the context closes the connection and settles the ledger before anything else happens. Without the context
    a loop may be left just so (``break``, an error, a cancellation): the connection is then closed and the ledger
    settled right after it, as soon as the event loop runs; what was left can't be read on. ``completion`` is there
    after the end.
    """

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._finish: Finish | None = None
        self._stack = AsyncExitStack()
        self._run: StreamRun | None = None
        self._start: Start | None = None
        self._entered = False
        self._left = False
        self._closed = False
        self._is_read = False
        self._completion: Completion | None = None

    def then(self, close: Close) -> Self:
        """Return itself; whenever it is closed, ``close`` is awaited afterwards."""
        self._stack.push_async_callback(close)
        return self

    async def __aenter__(self) -> Self:
        """Connect: fall over until the first content arrives. Raises as `complete`, and `UsageError` once closed."""
        self._entered = True
        if self._run is None:
            await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; what was used is booked."""
        await self.aclose()

    async def _open(self) -> None:
        self._check_open()
        self._start = starter()
        async with AsyncExitStack() as opened:
            self._run, self._finish = await self._begin(opened)
            self._stack.push_async_exit(opened.pop_all())
        if self._closed:
            await self.aclose()
            self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the stream was closed before it began", hint="ask again for another one")

    async def aclose(self) -> None:
        """Close the connection; calling it again does nothing."""
        self._closed = True
        try:
            if self._run is not None:
                await self._run.aclose()
        finally:
            await self._stack.aclose()

    def __del__(self) -> None:
        """Close what nobody can close any more."""
        self._leave()

    def leave(self) -> None:
        """Note that a loop over the chunks is over: where no context will do it, the stream is closed now."""
        if not self._entered:
            self._leave()

    def _leave(self) -> None:
        if self._start is not None and self._run is not None and not self._closed:
            self._left = True
            self._start(self.aclose)

    def __aiter__(self) -> AsyncIterator[Chunk]:
        """Return what reads the chunks, each once, and notices when it is left."""
        return Reader(self)

    async def __anext__(self) -> Chunk:
        """Return the next chunk. At the end, and when it breaks, everything is closed.

        Raises `UsageError` where another task reads it just now, which goes on.
        """
        if self._is_read:
            raise UsageError("the stream is being read by another task", hint="read it in one task")
        self._is_read = True
        try:
            if self._run is None:
                await self._open()
            chunk = await self.next()
        except BaseException:
            await self.aclose()
            raise
        finally:
            self._is_read = False
        if chunk is None:
            await self.aclose()
            raise StopAsyncIteration
        return chunk

    async def next(self) -> Chunk | None:
        """Return the next chunk, None at the end: for loops that can't use ``async for``.

        Raises `UsageError` after it was left before the end: it or its client was closed, or a read was cancelled.
        """
        if self._run is None:
            return None
        chunk = None if self._left else await self._run.next()
        if self._left or (chunk is None and self._run.was_left):
            hint = "to read on, keep it and its client open: `async with`"
            raise UsageError("the stream was left before its end, which closed it", hint=hint)
        answer, attempt = self._run.answer, self._run.attempt
        if chunk is None and self._completion is None and self._finish is not None and answer and attempt:
            self._completion = self._finish(answer, attempt, self._run.recorder)
        return chunk

    @property
    def completion(self) -> Completion:
        """The whole answer with its decision and cost. Raises `UsageError` before the end."""
        if self._completion is None:
            raise UsageError("the stream has not ended", hint="read all chunks first")
        return self._completion

    @property
    def message(self) -> Message:
        """The message of the whole answer. Raises `UsageError` before the end."""
        return self.completion.message

    @property
    def finish_reason(self) -> str:
        """Why the answer ended. Raises `UsageError` before the end."""
        return self.completion.finish_reason

    @override
    def __repr__(self) -> str:
        """One line: who is answering, and how far it is."""
        if self._completion is not None:
            return f"<Stream of {self._completion!r}>"
        return f"<Stream {self.provider or 'not begun'}{', closed' if self._closed else ''}>"

    @property
    def provider(self) -> str | None:
        """Who is answering, once it is known."""
        attempt = self._run.attempt if self._run else None
        return attempt.target.name if attempt else None

    @property
    def model(self) -> str | None:
        """The model that is answering, as its provider names it, once it is known."""
        attempt = self._run.attempt if self._run else None
        return attempt.assembly.model if attempt else None

    @property
    def prompt_tokens(self) -> int | None:
        """The prompt as it was counted for the model that is answering, once it is known; what it took comes last."""
        attempt = self._run.attempt if self._run else None
        return attempt.ask.prompt_tokens if attempt else None

    @property
    def attempts(self) -> int:
        """How many attempts were made so far, the one that is answering included."""
        run = self._run
        return 0 if run is None else len(run.recorder.attempts) + run.is_open

    @property
    def simulated(self) -> bool:
        """True when a sandbox is answering."""
        attempt = self._run.attempt if self._run else None
        return bool(attempt and attempt.target.provider.simulated)


class Reader:
    """Reads a stream chunk by chunk. When a loop is left, nothing refers to it any more, and the stream is told."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Chunk:
        """Return the next chunk."""
        return await anext(self._stream)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def __del__(self) -> None:
        """Note that the loop is over."""
        self._stream.leave()
