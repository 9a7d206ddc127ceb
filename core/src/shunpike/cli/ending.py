"""The signals that end a process end a command as Ctrl-C does: what runs is cancelled, closed and settled."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

ENDING = ("SIGTERM", "SIGHUP")
"""What a supervisor sends, and what a terminal sends that is closed. One that is ignored (``nohup``) stays ignored."""
_received: list[int] = []
_cancels: list[Callable[[], object]] = []


@contextmanager
def cancelled_by(cancel: Callable[[], object]) -> Generator[None]:
    """Within it such a signal calls ``cancel`` where Ctrl-C is ignored, so that it breaks into no step of a loop."""
    _cancels.append(cancel)
    try:
        yield
    finally:
        _cancels.pop()


def end_tidily() -> None:
    """From now on such a signal interrupts what runs, once: the second one kills, should tidying up take too long."""
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def ended_by() -> int | None:
    """Return the number of the signal that ends this process, None where none came."""
    return _received[0] if _received else None


def _end(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    signal.signal(number, signal.SIG_DFL)
    # While an event loop runs, Ctrl-C's own handler is one that cancels the main task instead of breaking into it.
    interrupt = signal.getsignal(signal.SIGINT)
    if callable(interrupt):
        interrupt(signal.SIGINT, frame)
    elif _cancels:  # Ctrl-C is ignored, as in the background of a shell
        _cancels[-1]()
    else:
        raise KeyboardInterrupt
