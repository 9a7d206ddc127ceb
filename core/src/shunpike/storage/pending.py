"""What a task waits for while a thread of the store's own does it: under asyncio and trio alike."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from threading import Thread
from typing import Any, Generic, TypeVar, cast

import anyio

from shunpike.clock import Clock, SystemClock
from shunpike.errors import ShunpikeError, StoreError
from shunpike.event_loop import call_soon, current_loop

T = TypeVar("T")
REAL = SystemClock()


class Pending(Generic[T]):
    """A result that is to come. Made in the event loop of the task that waits, filled in another thread."""

    __slots__ = ("_done", "_told", "clock", "error", "lasting", "loop", "result", "withdrawn")

    def __init__(self, *, lasting: bool = False) -> None:
        self.lasting = lasting
        """Whether it is tried again until it is done, when whoever waited has long been told that it failed."""
        self.withdrawn = False
        """True = whoever waited has gone: if it was not begun, it need not be."""
        self.clock: Clock = REAL
        """The clock that stands still for whoever waits."""
        self.result: T | None = None
        self.error: ShunpikeError | None = None
        self._told: tuple[T | None, ShunpikeError | None] | None = None
        self._done = anyio.Event()
        self.loop = current_loop()

    def fail(self, error: BaseException) -> None:
        """Nothing of it was kept. Each task is told by an error of its own: a raised one grows with its way."""
        self.result = None
        if isinstance(error, ShunpikeError):
            self.error = copy(error)
            self.error.__cause__ = error.__cause__
        else:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            self.error = StoreError(f"the ledger failed ({said})", hint="run: shunpike doctor")
            self.error.__cause__ = error

    def again(self) -> None:
        """Begin once more: what it came to before no longer counts."""
        self.result = self.error = None

    def tell(self) -> None:
        """Fix what whoever waits will hear, whatever a later try comes to. Called in the store's thread."""
        if self._told is None:
            self._told = self.result, self.error

    def wake(self) -> None:
        """Let the task that waits go on. Called in its event loop."""
        self._done.set()

    async def done(self) -> None:
        """Wait until it is durable, or has failed."""
        with self.clock.outside():
            await self._done.wait()

    async def wait(self) -> T:
        """Wait, and return the outcome."""
        await self.done()
        return self.outcome()

    def outcome(self) -> T:
        """Return the result. Raises what the work raised, and `StoreError` when it could not be kept."""
        result, error = self._told or (self.result, self.error)
        if error is not None:
            raise error
        return cast("T", result)


def begun(thread: Thread) -> None:
    """Start the thread of a store. Raises `StoreError` where the system gives none."""
    try:
        thread.start()
    except RuntimeError as error:
        raise StoreError(f"the ledger can't be opened: {error}", hint="end something else, and try again") from error


def answer(batch: Sequence[Pending[Any]]) -> None:
    """Wake the tasks that wait, those of one event loop by one call. Called in the store's thread."""
    loops: dict[int, list[Pending[Any]]] = {}
    for one in batch:
        one.tell()
        loops.setdefault(id(one.loop), []).append(one)
    for waiting in loops.values():
        # A loop that has ended has nobody waiting; its process is ending too, and recovery settles what it held.
        with suppress(RuntimeError):
            call_soon(waiting[0].loop, _wake, waiting)


def answer_failed(batch: Sequence[Pending[Any]], error: BaseException) -> None:
    """Wake those that wait although their thread made a mistake: what came to nothing failed. Called as `answer`."""
    for one in batch:
        if one.result is None and one.error is None:
            one.fail(error)
    with suppress(Exception):
        answer(batch)


def _wake(batch: Sequence[Pending[Any]]) -> None:
    for one in batch:
        one.wake()
