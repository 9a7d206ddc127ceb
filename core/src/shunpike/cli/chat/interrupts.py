"""Ctrl-C in a talk: it breaks into no step that would be left half done, and it is never lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from shunpike.cli.ending import ended_by
from shunpike.clock import SystemClock

TWICE = 1.0
"""Seconds in which Ctrl-C pressed again means the same as before; later, it means to leave."""
LOOK = 0.1
"""Seconds between two looks: a signal that comes just before a wait does not end that wait."""


class OnInterrupt:
    """While the main thread is within it, Ctrl-C (or a signal that ends the process) calls ``action``, raising nothing.

    Where Ctrl-C is ignored, it stays so.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._before = signal.signal(signal.SIGINT, lambda _number, _frame: self._action())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class KeptInterrupts:
    """Raises Ctrl-C once where it may break in; until it may do so again, it is kept."""

    def __init__(self) -> None:
        self._raises = self._kept = False

    def pressed(self) -> None:
        """Raise `KeyboardInterrupt`, or keep it."""
        if self._raises:
            self._raises = self._kept = False
            raise KeyboardInterrupt
        self._kept = True

    def keep(self) -> None:
        """From now on keep it."""
        self._raises = False

    def let_through(self) -> None:
        """From now on raise it. Raises `KeyboardInterrupt` for one that was kept, and where the process shall end."""
        self._raises = True
        if self._kept or ended_by() is not None:
            self.pressed()


class Interrupts:
    """Counts Ctrl-C, and does what it is for as soon as that can be done."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._first_mono: float | None = None
        self._stop: Callable[[], object] | None = None
        self.leave = False
        """Whether it was pressed again, well after the first time."""

    def pressed(self) -> None:
        """Count one more."""
        now_mono = self._clock.monotonic()
        if self._first_mono is None:
            self._first_mono = now_mono
            if self._stop is not None:
                self._stop()
        elif now_mono - self._first_mono >= TWICE:
            self.leave = True

    def wait(self, future: Future[Any], ended: threading.Event) -> None:
        """Wait until the task of ``future`` has ``ended``; Ctrl-C cancels it, and pressed again much later `leave`."""
        self._stop = future.cancel
        if self._first_mono is not None:
            future.cancel()
        while not (self.leave or ended.wait(LOOK)):
            pass
