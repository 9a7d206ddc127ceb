"""When the turn of a request is: so many are answered at once, so many wait, and none for what would come too late."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from shunpike.clock import Clock
from shunpike_gateway.exchange import ApiError, ApiFailure

_WEIGHT = 0.1
"""Of the latest request in the mean of how long they take."""
_FIRST_GUESS = 1.0
"""Seconds that a request is taken to need while none has ended."""


class RequestQueue:
    """Lets ``concurrency`` requests run and ``queue`` wait, first come first served."""

    def __init__(self, concurrency: int, queue: int, clock: Clock) -> None:
        self.concurrency, self.queue = concurrency, queue
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.running = 0
        self._mean = _FIRST_GUESS

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def expected_wait(self) -> float:
        """Return the seconds that a request would wait that comes now."""
        if self.running < self.concurrency and not self._waiting:
            return 0.0
        return (len(self._waiting) + 1) * self._mean / self.concurrency

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncGenerator[None, None]:
        """Wait for the turn of a request that its client gives up after ``seconds``.

        Raises `ApiFailure` with 503 at once where too many wait, or where its turn would come too late; and when it
        did not come in time.
        """
        if self.running < self.concurrency and not self._waiting:
            self.running += 1
        else:
            await self._wait(seconds)
        began_mono = self._clock.monotonic()
        try:
            yield
        finally:
            self._mean += _WEIGHT * (self._clock.monotonic() - began_mono - self._mean)
            self.running -= 1
            self._hand_on()

    async def _wait(self, seconds: float) -> None:
        expected = self.expected_wait()
        if len(self._waiting) >= self.queue:
            raise _overloaded(f"{len(self._waiting)} requests wait already", expected)
        if expected > seconds:
            raise _overloaded(f"its turn would come in about {expected:.0f} seconds, which is too late", expected)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            with self._clock.fail_after(seconds):
                await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:  # its turn came in the same moment: it is handed on
                self.running -= 1
                self._hand_on()
            if isinstance(error, TimeoutError):
                raise _overloaded(f"its turn did not come in {seconds:.0f} seconds", expected) from None
            raise

    def _hand_on(self) -> None:
        while self._waiting and self.running < self.concurrency:
            turn = self._waiting.popleft()
            self.running += 1
            if not turn.done():
                turn.set_result(None)


def _overloaded(why: str, wait: float) -> ApiFailure:
    message = f"the gateway has more to do than it can: {why}"
    retry_after = max(1.0, math.ceil(wait))
    return ApiFailure(ApiError(503, "overloaded_error", "overloaded", message, retry_after=retry_after))
