"""Ctrl-C while an answer comes: it breaks into nothing, so that what was said is kept at every moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType, TracebackType
from typing import Any, Self

from shunpike.clock import SystemClock

TWICE = 1.0
"""Seconds in which Ctrl-C pressed again means the same as before; later, it means to leave."""
LOOK = 0.1
"""Seconds between two looks: a signal that comes just before a wait does not end that wait."""


class Interrupts:
    """Counts Ctrl-C, and does what it is for as soon as that can be done, while it is entered by the main thread."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._first: float | None = None
        self._stop: Callable[[], object] | None = None
        self._before: Any = None
        self.leave = False
        """Whether it was pressed again, well after the first time."""

    def __enter__(self) -> Self:
        """From now on Ctrl-C raises nothing. Where it is ignored, it stays so."""
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it raise `KeyboardInterrupt` again."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        now = self._clock.monotonic()
        if self._first is None:
            self._first = now
            if self._stop is not None:
                self._stop()
        elif now - self._first >= TWICE:
            self.leave = True

    def wait(self, future: Future[Any], ended: threading.Event) -> None:
        """Wait until the task of ``future`` has ``ended``; Ctrl-C cancels it, and pressed again much later `leave`."""
        self._stop = future.cancel
        if self._first is not None:
            future.cancel()
        while not (self.leave or ended.wait(LOOK)):
            pass
