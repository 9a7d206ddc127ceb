"""An answer while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from shunpike.routing.journey import Journey
from shunpike.routing.route import Try
from shunpike.routing.streaming import StreamRun
from shunpike.types import Answer, Completion, Piece

Finish = Callable[[Answer, Try, Journey], Completion]


class Stream:
    """An answer in pieces: ``async with client.stream(…) as stream: async for piece in stream``.

    Leaving the context closes the connection and settles the ledger. Iterating without the context works as well; a
    loop that is left early then stays open until the client is closed. ``completion`` is there after the end.
    """

    def __init__(self, begin: Callable[[], Awaitable[StreamRun]], finish: Finish) -> None:
        self._begin = begin
        self._finish = finish
        self._run: StreamRun | None = None
        self._completion: Completion | None = None

    async def __aenter__(self) -> Self:
        """Connect: fall over until the first content arrives. Raises `Exhausted` and `RequestError`."""
        if self._run is None:
            self._run = await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; what was used is booked."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; calling it again does nothing."""
        if self._run is not None:
            await self._run.aclose()

    def __aiter__(self) -> Self:
        """Return itself: a stream is read once."""
        return self

    async def __anext__(self) -> Piece:
        """Return the next piece. At the end, and when it breaks, everything is closed."""
        try:
            await self.__aenter__()
            piece = await self.next()
        except BaseException:
            await self.aclose()
            raise
        if piece is None:
            await self.aclose()
            raise StopAsyncIteration
        return piece

    async def next(self) -> Piece | None:
        """Return the next piece, None at the end: for loops that can't use ``async for``."""
        if self._run is None:
            return None
        piece = await self._run.next()
        if (
            piece is None
            and self._completion is None
            and self._run.answer is not None
            and self._run.attempt is not None
        ):
            self._completion = self._finish(self._run.answer, self._run.attempt, self._run.journey)
        return piece

    @property
    def completion(self) -> Completion:
        """The whole answer with its decision and cost. Raises `RuntimeError` before the end."""
        if self._completion is None:
            raise RuntimeError("the stream has not ended: read all pieces first")
        return self._completion

    @property
    def provider(self) -> str | None:
        """Who is answering, once it is known."""
        attempt = self._run.attempt if self._run else None
        return attempt.target.name if attempt else None

    @property
    def simulated(self) -> bool:
        """True when a sandbox is answering."""
        attempt = self._run.attempt if self._run else None
        return bool(attempt and attempt.target.provider.simulated)
