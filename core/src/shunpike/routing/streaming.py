"""A streamed answer: falls over until the first content, then stays with its provider to the end."""

from __future__ import annotations

from typing import Any

import anyio

from shunpike.errors import BadAnswer, Interrupted, UsageError
from shunpike.routing.answer_check import check_end, remark_on_end
from shunpike.routing.attempt_loop import AttemptLoop
from shunpike.routing.blaming import checked
from shunpike.routing.context import Attempt, RequestContext
from shunpike.routing.hints import OF_KINDS
from shunpike.routing.opening import END, ITS_STREAM, OpenedStream, Opening
from shunpike.routing.operation import Completing
from shunpike.routing.outcomes import success
from shunpike.types import Answer, ChatRequest, Chunk, Outcome
from shunpike.types.base import label

_ASK_AGAIN = "ask again, nobody else could take over what had begun   ·   or ask another model: -m PROVIDER/ID"


class StreamRun:
    """One streamed request: `open`, read with `next`, then `aclose`, each in any task."""

    def __init__(self, loop: AttemptLoop, context: RequestContext, request: ChatRequest) -> None:
        self._loop = loop
        self._context = context
        self._request = request
        self._ending = anyio.Lock()
        self._run = loop.begin(context)
        self._opened: OpenedStream | None = None
        self._is_read = False
        self._failure: BaseException | None = None
        """How it broke off: whoever reads on is told it again."""
        self.recorder = self._run.recorder
        self.recorder.facts["streamed"] = True
        self.attempt: Attempt | None = None
        self.answer: Answer | None = None
        self.was_left = False
        """Whether its caller went away before its end: it was closed, or a read was cancelled."""

    async def open(self) -> None:
        """Fall over until a target gives its first content. Raises as `AttemptLoop.run` does."""
        opening = Opening(self._loop, self._context, self._request)
        opened, self.attempt = await self._loop.walk(self._run, opening)
        self._opened, self.answer = opened, opened.answer

    async def next(self) -> Chunk | None:
        """Return the next chunk, None at the end. Raises `Interrupted` when the stream breaks off: no retry.

        Whoever reads on after that is told it again. Raises `UsageError` where another task reads it just now.
        """
        opened, attempt = self._opened, self.attempt
        if self._is_read:
            raise UsageError("the stream is being read by another task", hint="read it in one task")
        if opened is None or attempt is None:
            return None
        if opened.buffer:
            return opened.buffer.popleft()
        if self._failure is not None:
            raise self._failure
        if attempt.is_over:
            return None
        self._is_read = True
        try:
            return await self._next(opened, attempt)
        finally:
            self._is_read = False

    async def _next(self, opened: OpenedStream, attempt: Attempt) -> Chunk | None:
        try:
            with opened.blaming:
                chunk = await self._read(opened)
                if chunk is not END:
                    told = checked(chunk, Chunk, opened.plugin, ITS_STREAM)
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

    async def _read(self, opened: OpenedStream) -> Any:
        if (left := self._run.left()) <= 0:
            raise TimeoutError  # A bound of time ends waits, and there is none where bytes are always there.
        if opened.read is not None and opened.read.is_ready:
            return await anext(opened.chunks, END)
        with self._loop.services.clock.fail_after(left):
            return await anext(opened.chunks, END)

    async def _broke_off(self, attempt: Attempt, error: BaseException) -> BaseException:
        self.was_left |= isinstance(error, anyio.get_cancelled_exc_class())
        with anyio.CancelScope(shield=True):
            async with self._ending:
                failed = await self._loop.ends.broke_off(self._run, attempt, error)
        self._run.failed(failed)
        if isinstance(failed, Interrupted):
            _name(failed, attempt)
        if isinstance(failed, Exception):
            self._failure = failed
        return failed

    async def _ended(self, attempt: Attempt, answer: Answer, outcome: Outcome, bad: BadAnswer | None) -> None:
        """End a stream that came to its end. Raises ``bad``, which is billed: it is all thinking, or can't be read.

        Where such an answer is to be returned it is, with a warning.
        """
        returns = bad is not None and self._context.on_bad_answer == "return"
        with anyio.CancelScope(shield=True):
            async with self._ending:
                if bad is None:
                    await self._loop.ends.answered(self._run, attempt, outcome)
                elif returns:
                    await self._loop.ends.returned(self._run, attempt, bad, outcome)
                else:
                    # It has been shown: from here on nobody else can take over.
                    bad.elsewhere = False
                    await self._loop.ends.failed(self._run, attempt, bad, outcome)
        if bad is not None and not returns:
            self._failure = bad
            self._run.failed(bad)
            raise bad
        self.answer = answer
        remark_on_end(answer, self._request, attempt)
        self._run.finished(
            attempt, Completing(self._loop.services, self._context, self._request).warnings(answer, attempt)
        )

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


def _name(error: Interrupted, attempt: Attempt) -> None:
    """Say who broke off, and what to do: nobody else takes over what a reader has seen the beginning of."""
    target = attempt.target
    said = error.message.removeprefix(f"{target.provider.id}: ")
    error.args = (f"{label(target.name, target.model.id)}: {said}",)
    error.model = error.model or target.model.id
    error.hint = error.hint or (OF_KINDS["timeout"] if error.kind == "timeout" else _ASK_AGAIN)
