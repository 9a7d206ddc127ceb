"""A streamed answer: falls over until the first content, then stays with its provider to the end."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import anyio

from shunpike.errors import (
    BadAnswer,
    Interrupted,
    Overloaded,
    PluginError,
    ProviderError,
    ShunpikeError,
    in_words,
)
from shunpike.patience import let_go
from shunpike.protocols import Streams
from shunpike.routing.answer_check import check_answer, misread, useless
from shunpike.routing.attempt import Attempts, TimeFor
from shunpike.routing.blaming import blaming, checked
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.hints import NOBODY_ELSE, OF_KINDS
from shunpike.routing.outcomes import broken, cancelled, failure, success
from shunpike.routing.send import send_stream
from shunpike.routing.trouble import Failure
from shunpike.types import Answer, Chunk, Outcome
from shunpike.types.base import label
from shunpike.wire.not_sent import KeptMark

_ASK_AGAIN = "ask again, nobody else could take over what had begun   ·   or ask another model: -m PROVIDER/ID"
_END: Any = object()
"""What tells the end of a stream: a chunk that is None is a mistake of its plugin."""


class StreamRun:
    """One streamed request. `open`, then iterate, all in one task; then `aclose`, in any."""

    def __init__(self, attempts: Attempts, services: Services, context: RequestContext) -> None:
        self._attempts = attempts
        self._services = services
        self._context = context
        self._stack: AsyncExitStack | None = None
        self._chunks: AsyncIterator[Chunk] | None = None
        self._buffer: deque[Chunk] = deque()
        self._closing = anyio.Lock()
        self._walk = attempts.begin(context)
        self._time: TimeFor | None = None
        self.recorder = self._walk.recorder
        self.attempt: Attempt | None = None
        self.answer: Answer | None = None

    async def open(self) -> None:
        """Fall over until a target gives its first content. Raises what `Attempts.complete` raises."""
        while True:
            self.attempt = None
            self.attempt = attempt = await self._attempts.next(self._walk)
            try:
                await self._first_content(attempt)
            except (ProviderError, PluginError) as error:
                if not error.elsewhere:
                    error.hint = error.hint or NOBODY_ELSE
                    raise
            else:
                return

    async def _first_content(self, attempt: Attempt) -> None:
        """Connect and read on to the first chunk that a reader would see; whatever fails until then is invisible."""
        self._buffer.clear()
        self._stack = AsyncExitStack()
        mark = KeptMark()
        try:
            self._time = time = self._attempts.time_for(self._walk, attempt.target)
            with (
                self._services.clock.fail_after(time.seconds),
                mark,
                blaming(self._services.plugin(attempt.target), "its stream"),
            ):
                backend, plugin = self._services.ready(attempt.target), self._services.plugin(attempt.target)
                attempt.streamed = isinstance(backend, Streams)
                clock, expires = self._services.clock, self._context.expires
                sending = send_stream(backend, attempt.call, attempt.grant, clock, expires, plugin)
                self._chunks = await self._stack.enter_async_context(sending)
                while attempt.first_token is None and (chunk := await anext(self._chunks, _END)) is not _END:
                    self._take(attempt, chunk)
        except BaseException as error:
            failed = await self._fail(attempt, error, mark)
            if failed is None:
                raise
            raise failed from error
        if attempt.first_token is None:
            await self._ended_without_content(attempt)

    async def _ended_without_content(self, attempt: Attempt) -> None:
        """An empty answer, which another target may do better."""
        try:
            answer = attempt.assembly.answer()
        except BadAnswer as nothing:
            await self._fail(attempt, nothing)
            raise
        bad = check_answer(answer, self._context.request, attempt.target)
        if bad is not None:
            self._attempts.learn(self._walk, attempt, bad)
        else:
            self._services.memory.succeeded(self._services.where(attempt.target))
        await self._end(attempt, success(self._services, attempt, answer), bad)
        if bad is not None:
            raise bad
        self.answer = answer

    def _take(self, attempt: Attempt, found: Chunk) -> None:
        chunk = checked(found, Chunk, self._services.plugin(attempt.target), "its stream")
        attempt.take(chunk)
        if chunk.has_content and attempt.first_token is None:
            attempt.first_token = self._services.clock.monotonic()
            self._services.memory.answers(self._services.where(attempt.target))
        self._buffer.append(chunk)

    async def next(self) -> Chunk | None:
        """Return the next chunk, None at the end. Raises `Interrupted` when the stream breaks off: no retry."""
        if self._buffer:
            return self._buffer.popleft()
        attempt, chunks = self.attempt, self._chunks
        if attempt is None or chunks is None or self.answer is not None:
            return None
        try:
            plugin = self._services.plugin(attempt.target)
            with self._services.clock.fail_after(self._left()), blaming(plugin, "its stream"):
                chunk = await anext(chunks, _END)
                if chunk is not _END:
                    attempt.take(checked(chunk, Chunk, plugin, "its stream"))
                    return chunk
                answer = attempt.assembly.answer()
            await self._ended(attempt, answer)
        except BaseException as error:
            failed = await self._fail(attempt, error)
            if failed is None:
                raise
            if isinstance(failed, Interrupted):
                _name(failed, attempt)
            raise failed from error
        return None

    async def _ended(self, attempt: Attempt, answer: Answer) -> None:
        """Book the end of a stream. Raises `BadAnswer` where it is all thinking, or can't be read: it is billed."""
        bad = useless(answer, self._context.request, attempt.target) or misread(answer, self._context, attempt)
        if bad is None:
            self._services.memory.succeeded(self._services.where(attempt.target))  # before it is booked
            await self._end(attempt, success(self._services, attempt, answer), None)
            self.answer = answer
            self._attempts.after_success(self._walk, attempt)
            return
        # It has been shown: from here on nobody else can take over.
        bad.elsewhere = False
        self._attempts.learn(self._walk, attempt, bad)
        await self._end(attempt, success(self._services, attempt, answer), bad)
        raise bad

    @property
    def is_open(self) -> bool:
        """Whether an attempt is still running."""
        return self.attempt is not None and self.attempt.settlement is None

    async def aclose(self) -> None:
        """Close the connection; an attempt that is still running is settled as cancelled. All who call it wait."""
        with anyio.CancelScope(shield=True):
            async with self._closing:
                attempt = self.attempt
                if attempt is not None and attempt.settlement is None:
                    await self._end(attempt, cancelled(self._services, attempt), None)

    async def _fail(self, attempt: Attempt, error: BaseException, mark: KeptMark | None = None) -> Failure | None:
        """Settle a failed attempt; return the failure, or None when it was the caller who went away."""
        if attempt.settlement is not None:
            return None
        failed = self._as_failure(attempt, error, mark or KeptMark())
        if failed is None:
            outcome = broken(self._services, attempt, error)
        else:
            setback = self._attempts.learn(self._walk, attempt, failed)
            outcome = failure(self._services, attempt, failed, setback.until)
        await self._end(attempt, outcome, failed)
        return failed

    def _as_failure(self, attempt: Attempt, error: BaseException, mark: KeptMark) -> Failure | None:
        if isinstance(error, ProviderError | PluginError):
            return error
        if isinstance(error, TimeoutError):
            if attempt.first_token is None and self._time is not None:
                over = self._time.over("no answer")
                return mark.on(Overloaded(over, provider=attempt.target.name, kind="timeout"))
            took = self._services.clock.monotonic() - attempt.started
            over = f"no end within {took:.1f} s, when the request's deadline had passed"
            return mark.on(Interrupted(over, provider=attempt.target.name, kind="timeout"))
        return None

    async def _end(self, attempt: Attempt, outcome: Outcome, error: Failure | None) -> None:
        """Close the connection first, then book: both happen even when the caller is being cancelled."""
        with anyio.CancelScope(shield=True):
            stack, self._stack, self._chunks = self._stack, None, None
            try:
                if stack is not None:
                    with blaming(self._services.plugin(attempt.target), "closing its stream"):
                        await let_go(stack.aclose, self._services.clock)
            except (ShunpikeError, TimeoutError) as odd:
                # What it gave is here, and how it lets go of it is nobody's failure but its own.
                plugin = self._services.plugin(attempt.target)
                slow = "closing its stream took too long, it was left"
                what = slow if isinstance(odd, TimeoutError) else in_words(odd)
                told = odd.message if isinstance(odd, PluginError) else f"plugin {plugin!r}: {what}"
                self.recorder.warnings.append(told)
            finally:
                await self._attempts.settle(self._walk, attempt, outcome, error)

    def _left(self) -> float:
        return max(self._context.expires - self._services.clock.monotonic(), 0.0)


def _name(error: Interrupted, attempt: Attempt) -> None:
    """Say who broke off, and what to do: nobody else takes over what a reader has seen the beginning of."""
    target = attempt.target
    said = error.message.removeprefix(f"{target.provider.id}: ")
    error.args = (f"{label(target.name, target.model.id)}: {said}",)
    error.model = error.model or target.model.id
    error.hint = error.hint or (OF_KINDS["timeout"] if error.kind == "timeout" else _ASK_AGAIN)
