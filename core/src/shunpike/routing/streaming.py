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
from shunpike.routing.attempt import Attempts, TimeFor
from shunpike.routing.blaming import blaming, checked
from shunpike.routing.endings import broken, cancelled, failure, success
from shunpike.routing.hints import NOBODY_ELSE, OF_KINDS
from shunpike.routing.judge import judge, misread, useless
from shunpike.routing.route import Route, Services, Try
from shunpike.routing.send import send_stream
from shunpike.routing.trouble import Failure
from shunpike.types import Answer, Ending, Piece
from shunpike.types.base import label
from shunpike.wire.unsent import KeptMark

_ASK_AGAIN = "ask again, nobody else could take over what had begun   ·   or ask another model: -m PROVIDER/ID"
_END: Any = object()
"""What tells the end of a stream: a piece that is None is a mistake of its plugin."""


class StreamRun:
    """One streamed request. `open`, then iterate, all in one task; then `aclose`, in any."""

    def __init__(self, attempts: Attempts, services: Services, route: Route) -> None:
        self._attempts = attempts
        self._services = services
        self._route = route
        self._stack: AsyncExitStack | None = None
        self._pieces: AsyncIterator[Piece] | None = None
        self._buffer: deque[Piece] = deque()
        self._closing = anyio.Lock()
        self._walk = attempts.begin(route)
        self._time: TimeFor | None = None
        self.journey = self._walk.journey
        self.attempt: Try | None = None
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

    async def _first_content(self, attempt: Try) -> None:
        """Connect and read on to the first piece that a reader would see; whatever fails until then is invisible."""
        self._buffer.clear()
        self._stack = AsyncExitStack()
        mark = KeptMark()
        try:
            self._time = time = self._attempts.time_for(self._walk, attempt.target)
            with anyio.fail_after(time.seconds), mark, blaming(self._services.plugin(attempt.target), "its stream"):
                backend, plugin = self._services.ready(attempt.target), self._services.plugin(attempt.target)
                attempt.streamed = isinstance(backend, Streams)
                clock, expires = self._services.clock, self._route.expires
                sending = send_stream(backend, attempt.call, attempt.grant, clock, expires, plugin)
                self._pieces = await self._stack.enter_async_context(sending)
                while attempt.first_token is None and (piece := await anext(self._pieces, _END)) is not _END:
                    self._take(attempt, piece)
        except BaseException as error:
            failed = await self._fail(attempt, error, mark)
            if failed is None:
                raise
            raise failed from error
        if attempt.first_token is None:
            await self._ended_without_content(attempt)

    async def _ended_without_content(self, attempt: Try) -> None:
        """An empty answer, which another target may do better."""
        try:
            answer = attempt.assembly.answer()
        except BadAnswer as nothing:
            await self._fail(attempt, nothing)
            raise
        bad = judge(answer, self._route.request, attempt.target)
        if bad is not None:
            self._attempts.learn(self._walk, attempt, bad)
        else:
            self._services.memory.succeeded(self._services.where(attempt.target))
        await self._end(attempt, success(self._services, attempt, answer), bad)
        if bad is not None:
            raise bad
        self.answer = answer

    def _take(self, attempt: Try, found: Piece) -> None:
        piece = checked(found, Piece, self._services.plugin(attempt.target), "its stream")
        attempt.take(piece)
        if piece.has_content and attempt.first_token is None:
            attempt.first_token = self._services.clock.monotonic()
            self._services.memory.answers(self._services.where(attempt.target))
        self._buffer.append(piece)

    async def next(self) -> Piece | None:
        """Return the next piece, None at the end. Raises `Interrupted` when the stream breaks off: no retry."""
        if self._buffer:
            return self._buffer.popleft()
        attempt, pieces = self.attempt, self._pieces
        if attempt is None or pieces is None or self.answer is not None:
            return None
        try:
            plugin = self._services.plugin(attempt.target)
            with anyio.fail_after(self._left()), blaming(plugin, "its stream"):
                piece = await anext(pieces, _END)
                if piece is not _END:
                    attempt.take(checked(piece, Piece, plugin, "its stream"))
                    return piece
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

    async def _ended(self, attempt: Try, answer: Answer) -> None:
        """Book the end of a stream. Raises `BadAnswer` where it is all thinking, or can't be read: it is billed."""
        bad = useless(answer, self._route.request, attempt.target) or misread(answer, self._route, attempt)
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

    async def _fail(self, attempt: Try, error: BaseException, mark: KeptMark | None = None) -> Failure | None:
        """Settle a failed attempt; return the failure, or None when it was the caller who went away."""
        if attempt.settlement is not None:
            return None
        failed = self._as_failure(attempt, error, mark or KeptMark())
        if failed is None:
            ending = broken(self._services, attempt, error)
        else:
            setback = self._attempts.learn(self._walk, attempt, failed)
            ending = failure(self._services, attempt, failed, setback.until)
        await self._end(attempt, ending, failed)
        return failed

    def _as_failure(self, attempt: Try, error: BaseException, mark: KeptMark) -> Failure | None:
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

    async def _end(self, attempt: Try, ending: Ending, error: Failure | None) -> None:
        """Close the connection first, then book: both happen even when the caller is being cancelled."""
        with anyio.CancelScope(shield=True):
            stack, self._stack, self._pieces = self._stack, None, None
            try:
                if stack is not None:
                    with blaming(self._services.plugin(attempt.target), "closing its stream"):
                        await let_go(stack.aclose)
            except (ShunpikeError, TimeoutError) as odd:
                # What it gave is here, and how it lets go of it is nobody's failure but its own.
                plugin = self._services.plugin(attempt.target)
                slow = "closing its stream took too long, it was left"
                what = slow if isinstance(odd, TimeoutError) else in_words(odd)
                told = odd.message if isinstance(odd, PluginError) else f"plugin {plugin!r}: {what}"
                self.journey.warnings.append(told)
            finally:
                await self._attempts.settle(self._walk, attempt, ending, error)

    def _left(self) -> float:
        return max(self._route.expires - self._services.clock.monotonic(), 0.0)


def _name(error: Interrupted, attempt: Try) -> None:
    """Say who broke off, and what to do: nobody else takes over what a reader has seen the beginning of."""
    target = attempt.target
    said = error.message.removeprefix(f"{target.provider.id}: ")
    error.args = (f"{label(target.name, target.model.id)}: {said}",)
    error.model = error.model or target.model.id
    error.hint = error.hint or (OF_KINDS["timeout"] if error.kind == "timeout" else _ASK_AGAIN)
