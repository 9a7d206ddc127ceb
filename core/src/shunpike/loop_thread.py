"""An event loop on a thread of its own, for callers that block: started when it is needed, ended when it is told."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from shunpike.errors import UsageError

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]
PATIENCE = 10.0
"""Seconds for what was interrupted, or is closed, to come to its end."""
LOOK = 0.1
"""Seconds between two looks: a signal that comes just before a wait, or to another thread, does not end that wait."""


class LoopThread:
    """Runs asynchronous work for any number of threads. ``closing`` is awaited on the loop before it ends."""

    def __init__(self, closing: Work[None]) -> None:
        self._closing = closing
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._closed = False

    def run(self, work: Work[T]) -> T:
        """Return what ``work`` gives, and raise what it raises. Interrupted by Ctrl-C it is cancelled, and has ended.

        Raises `UsageError` when it is closed, in a process that was forked since, and on its own thread.
        """
        with _Pressed() as pressed:
            portal, ended = self._opened(), threading.Event()

            async def whole() -> T:
                try:
                    return await work()
                finally:
                    ended.set()

            future: Future[T] = portal.start_task_soon(whole)
            try:
                _wait(future, pressed)
                return future.result()
            except CancelledError:
                raise UsageError(
                    "the client was closed while it was at work", hint="close it after the last call"
                ) from None
            except BaseException:
                if not future.done():
                    future.cancel()
                    ended.wait(PATIENCE)
                raise

    def close(self) -> None:
        """End the loop and its thread; calling it again does nothing. What still runs is cancelled."""
        if self._forked:
            self._closed = True
            return
        with self._lock:
            self._closed = True
            portal, self._portal, thread = self._portal, None, self._thread
        if portal is None or thread is None:
            return
        if thread is threading.current_thread():
            raise UsageError("a client can't be closed on its own thread", hint="close it where it was made")
        _open.discard(self)
        try:
            portal.start_task_soon(self._closing).result(PATIENCE)
        finally:
            portal.start_task_soon(portal.stop, True)
            thread.join(PATIENCE)

    @property
    def is_open(self) -> bool:
        """Whether there is a thread to end, in this process."""
        return self._portal is not None and not self._closed and not self._forked

    def leave(self) -> None:
        """Close it without waiting, from wherever it was left: also while garbage is collected, on any thread."""
        with suppress(RuntimeError):  # the interpreter ends: no thread can be started any more
            threading.Thread(target=self.close_quietly, daemon=True).start()

    def close_quietly(self) -> None:
        """Close it, whatever goes wrong."""
        with suppress(Exception):  # nobody is there to be told
            self.close()

    @property
    def _forked(self) -> bool:
        return self._process != os.getpid()

    def _opened(self) -> BlockingPortal:
        check_process(self._process)
        if threading.current_thread() is self._thread:
            raise UsageError(
                "a blocking call on the client's own thread would wait for itself for ever",
                hint="in a callback, use the asynchronous Client",
            )
        with self._lock:
            if self._closed:
                raise UsageError("the client is closed", hint="make another: SyncClient()")
            return self._portal or self._started()

    def _started(self) -> BlockingPortal:
        ready: Future[BlockingPortal] = Future()
        self._thread = threading.Thread(target=anyio.run, args=(_serve, ready), name="shunpike", daemon=True)
        self._thread.start()
        self._portal = portal = ready.result()
        _open.add(self)
        return portal


def check_process(made_in: int) -> None:
    """Raise `UsageError` in a process that was forked from the one that made a client."""
    if made_in != os.getpid():
        raise UsageError(
            f"this client belongs to process {made_in}: its threads and files are not in one that was forked from it",
            hint="make a client in each process, after the fork",
        )


class _Pressed:
    """Tells of Ctrl-C instead of being broken into by it, once, where it would raise; pressed again it does raise."""

    def __init__(self) -> None:
        self.once = False
        self._taken = False

    def __enter__(self) -> Self:
        """Take Ctrl-C over; a handler of the caller's own stays."""
        here = threading.current_thread() is threading.main_thread()
        if here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._pressed)
            self._taken = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back. Raises `KeyboardInterrupt` where it came too late to be told of."""
        if self._taken and not self.once:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.once and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt from None

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.once = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait(future: Future[Any], pressed: _Pressed) -> None:
    """Wait for ``future`` to be done. Raises `KeyboardInterrupt` when Ctrl-C was pressed."""
    while not pressed.once:
        try:
            future.exception(LOOK)
        except TimeoutError:
            continue
        except CancelledError:
            pass
        return
    raise KeyboardInterrupt


async def _serve(ready: Future[BlockingPortal]) -> None:
    try:
        async with BlockingPortal() as portal:
            ready.set_result(portal)
            await portal.sleep_until_stopped()
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
        raise


_open: weakref.WeakSet[LoopThread] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close what is open when the interpreter ends: the thread is a daemon, which would be cut off."""
    for one in list(_open):
        one.close_quietly()
