"""A streamed answer: falls over until the first content, then stays with its provider to the end."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import anyio
from typing_extensions import override

from shunpike.errors import BadAnswer, Interrupted
from shunpike.protocols import ReadStream, Streams
from shunpike.routing.answer_check import check_end
from shunpike.routing.attempt_loop import AttemptLoop
from shunpike.routing.blaming import blaming, checked
from shunpike.routing.context import Attempt, RequestContext
from shunpike.routing.hints import OF_KINDS
from shunpike.routing.operation import Completing, Operation, chat_call
from shunpike.routing.outcomes import success
from shunpike.routing.send import send_stream
from shunpike.types import Answer, ChatRequest, Chunk, Outcome
from shunpike.types.base import label

_ASK_AGAIN = "ask again, nobody else could take over what had begun   ·   or ask another model: -m PROVIDER/ID"
_END: Any = object()
"""What tells the end of a stream: a chunk that is None is a mistake of its plugin."""


class StreamRun:
    """One streamed request: `open`, read with `next`, then `aclose`, each in any task."""

    def __init__(self, loop: AttemptLoop, context: RequestContext, request: ChatRequest) -> None:
        self._loop = loop
        self._context = context
        self._request = request
        self._ending = anyio.Lock()
        self._run = loop.begin(context)
        self._opening = _Opening(loop, context, request)
        self.recorder = self._run.recorder
        self.recorder.facts["streamed"] = True
        self.attempt: Attempt | None = None
        self.answer: Answer | None = None
        self.was_left = False
        """Whether its caller went away before its end: it was closed, or a read was cancelled."""

    async def open(self) -> None:
        """Fall over until a target gives its first content. Raises as `AttemptLoop.run` does."""
        self.answer, self.attempt = await self._loop.walk(self._run, self._opening)

    async def next(self) -> Chunk | None:
        """Return the next chunk, None at the end. Raises `Interrupted` when the stream breaks off: no retry."""
        opening, attempt = self._opening, self.attempt
        if opening.buffer:
            return opening.buffer.popleft()
        if attempt is None or opening.chunks is None or attempt.is_over:
            return None
        try:
            with opening.blaming:
                chunk = await self._read(opening.chunks, opening.read)
                if chunk is not _END:
                    told = checked(chunk, Chunk, opening.plugin, opening.what)
                    attempt.take(told)
                    return told
                answer = attempt.assembly.answer()
            outcome = success(self._loop.services, attempt, answer)
            bad = check_end(answer, self._request, self._context, attempt)
        except BaseException as error:
            failed = await self._broke_off(attempt, error)
            if failed is error:
                raise
            raise failed from error
        await self._ended(attempt, answer, outcome, bad)
        return None

    async def _read(self, chunks: AsyncIterator[Chunk], read: ReadStream | None) -> Any:
        if (left := self._run.left()) <= 0:
            raise TimeoutError  # A bound of time ends waits, and there is none where bytes are always there.
        if read is not None and read.is_ready:
            return await anext(chunks, _END)
        with self._loop.services.clock.fail_after(left):
            return await anext(chunks, _END)

    async def _broke_off(self, attempt: Attempt, error: BaseException) -> BaseException:
        self.was_left |= isinstance(error, anyio.get_cancelled_exc_class())
        with anyio.CancelScope(shield=True):
            async with self._ending:
                failed = await self._loop.ends.broke_off(self._run, attempt, error)
        self._run.failed(failed)
        if isinstance(failed, Interrupted):
            _name(failed, attempt)
        return failed

    async def _ended(self, attempt: Attempt, answer: Answer, outcome: Outcome, bad: BadAnswer | None) -> None:
        """End a stream that came to its end. Raises ``bad``, which is billed: it is all thinking, or can't be read."""
        with anyio.CancelScope(shield=True):
            async with self._ending:
                if bad is None:
                    await self._loop.ends.answered(self._run, attempt, outcome)
                else:
                    # It has been shown: from here on nobody else can take over.
                    bad.elsewhere = False
                    await self._loop.ends.failed(self._run, attempt, bad, outcome)
        if bad is not None:
            self._run.failed(bad)
            raise bad
        self.answer = answer
        self._run.finished(attempt, self._opening.warnings(answer, attempt))

    @property
    def is_open(self) -> bool:
        """Whether an attempt is still running."""
        return self.attempt is not None and self.attempt.settlement is None

    async def aclose(self) -> None:
        """Close the connection; an attempt that is still running is settled as cancelled. All who call it wait."""
        with anyio.CancelScope(shield=True):
            async with self._ending:
                if self.attempt is not None and not self.attempt.is_over:
                    self.was_left = True
                    await self._loop.ends.left(self._run, self.attempt)
                    self._run.cancelled()


class _Opening(Operation[Answer | None]):
    """Opens streams. An attempt that begins to answer gives None and goes on; one without content gives its answer."""

    what: ClassVar[str] = "its stream"

    def __init__(self, loop: AttemptLoop, context: RequestContext, request: ChatRequest) -> None:
        self._loop = loop
        self._context = context
        self._request = request
        self._whole = Completing(loop.services, context, request)
        self.chunks: AsyncIterator[Chunk] | None = None
        self.read: ReadStream | None = None
        self.buffer: deque[Chunk] = deque()
        self.plugin = ""
        """Whose stream it is."""
        self.blaming = blaming("", self.what)

    @override
    async def send(self, attempt: Attempt) -> Answer | None:
        """Connect and read on to the first chunk that a reader would see; whatever fails until then is invisible."""
        services = self._loop.services
        self.plugin = plugin = services.plugin(attempt.target)
        self.blaming = blaming(plugin, self.what)
        self.buffer.clear()
        backend = services.ready(attempt.target)
        attempt.streamed = isinstance(backend, Streams)
        attempt.connection = connection = AsyncExitStack()
        call = chat_call(attempt, self._request, strict=self._context.strict)
        sending = send_stream(backend, call, attempt.grant, services.clock, self._context.expires_mono, plugin)
        self.chunks = await connection.enter_async_context(sending)
        self.read = self.chunks if isinstance(self.chunks, ReadStream) else None
        while (given := await anext(self.chunks, _END)) is not _END:
            chunk = checked(given, Chunk, plugin, self.what)
            attempt.take(chunk)
            self.buffer.append(chunk)
            if chunk.has_content:
                self._loop.ends.begins_to_answer(attempt)
                return None
        return attempt.assembly.answer()

    @override
    def goes_on(self, given: Answer | None) -> bool:
        return given is None

    @override
    def check(self, given: Answer | None, attempt: Attempt) -> BadAnswer | None:
        return None if given is None else self._whole.check(given, attempt)

    @override
    def outcome(self, given: Answer | None, attempt: Attempt) -> Outcome:
        return self._whole.outcome(attempt.assembly.answer() if given is None else given, attempt)

    @override
    def warnings(self, given: Answer | None, attempt: Attempt) -> Sequence[str]:
        return () if given is None else self._whole.warnings(given, attempt)


def _name(error: Interrupted, attempt: Attempt) -> None:
    """Say who broke off, and what to do: nobody else takes over what a reader has seen the beginning of."""
    target = attempt.target
    said = error.message.removeprefix(f"{target.provider.id}: ")
    error.args = (f"{label(target.name, target.model.id)}: {said}",)
    error.model = error.model or target.model.id
    error.hint = error.hint or (OF_KINDS["timeout"] if error.kind == "timeout" else _ASK_AGAIN)
