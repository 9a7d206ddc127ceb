"""Opening a stream: its attempt is held back until the first content, so that whatever fails until then is invisible.

Several attempts of one request may be opened at a time: what each has read is its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar

from typing_extensions import override

from shunpike.errors import BadAnswer
from shunpike.protocols import ReadStream, Streams
from shunpike.routing.attempt_loop import AttemptLoop
from shunpike.routing.blaming import blaming, checked
from shunpike.routing.context import Attempt, RequestContext
from shunpike.routing.operation import Completing, Operation, chat_call
from shunpike.routing.send import send_stream
from shunpike.routing.substitution import substituted
from shunpike.types import Answer, ChatRequest, Chunk, Outcome

END: Any = object()
"""What tells the end of a stream: a chunk that is None is a mistake of its plugin."""
ITS_STREAM = "its stream"


@dataclass(eq=False)
class OpenedStream:
    """A stream that began to answer: what was read of it, and what reads on."""

    chunks: AsyncIterator[Chunk]
    plugin: str
    """Whose stream it is."""
    blaming: blaming
    read: ReadStream | None
    buffer: deque[Chunk] = field(default_factory=deque)
    answer: Answer | None = None
    """The whole answer, where it ended without any content."""


class Opening(Operation[OpenedStream]):
    """Opens streams. An attempt that begins to answer goes on; one without content has ended, and is looked at."""

    what: ClassVar[str] = ITS_STREAM

    def __init__(self, loop: AttemptLoop, context: RequestContext, request: ChatRequest) -> None:
        self._loop = loop
        self._context = context
        self._request = request
        self._whole = Completing(loop.services, context, request)

    @override
    async def send(self, attempt: Attempt) -> OpenedStream:
        """Connect and read on to the first chunk that a reader would see; whatever fails until then is invisible."""
        services = self._loop.services
        plugin = services.plugin(attempt.target)
        backend = services.ready(attempt.target)
        attempt.streamed = isinstance(backend, Streams)
        attempt.connection = connection = AsyncExitStack()
        call = chat_call(attempt, self._request, strict=self._context.strict)
        sending = send_stream(backend, call, attempt.grant, services.clock, self._context.expires_mono, plugin)
        chunks = await connection.enter_async_context(sending)
        read = chunks if isinstance(chunks, ReadStream) else None
        opened = OpenedStream(chunks, plugin, blaming(plugin, self.what), read)
        while (given := await anext(chunks, END)) is not END:
            chunk = checked(given, Chunk, plugin, self.what)
            attempt.take(chunk)
            opened.buffer.append(chunk)
            if chunk.has_content:
                other = substituted(attempt.assembly.model, self._context, attempt)
                if other is not None:
                    raise other
                self._loop.ends.begins_to_answer(attempt)
                return opened
        opened.answer = attempt.assembly.answer()
        return opened

    @override
    def goes_on(self, given: OpenedStream) -> bool:
        return given.answer is None

    @override
    def check(self, given: OpenedStream, attempt: Attempt) -> BadAnswer | None:
        return None if given.answer is None else self._whole.check(given.answer, attempt)

    @override
    def outcome(self, given: OpenedStream, attempt: Attempt) -> Outcome:
        return self._whole.outcome(attempt.assembly.answer() if given.answer is None else given.answer, attempt)

    @override
    def warnings(self, given: OpenedStream, attempt: Attempt) -> Sequence[str]:
        return () if given.answer is None else self._whole.warnings(given.answer, attempt)
