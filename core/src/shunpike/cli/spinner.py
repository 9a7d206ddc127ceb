"""A sign of life on a terminal until the first word: one line on stderr, which is taken away again."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from contextlib import suppress
from itertools import cycle
from types import TracebackType
from typing import Self

from shunpike.cli.output import data, narrate, styled
from shunpike.clock import SystemClock

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN = "|/-\\"
PAUSE = 0.1
"""Seconds between two frames."""
_ERASE = "\r\x1b[K"
WAITING = "waiting for the first word"


class Spinner:
    """Turns from its beginning until `stop`, in a thread: it shows life also while the event loop is busy."""

    running: Spinner | None = None
    """The one that turns now."""

    def __init__(self, waiting: str = WAITING) -> None:
        self._shown = styled(sys.stderr) and styled(data())
        self._waiting = self._label = waiting
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to turn, where motion is welcome."""
        if self._shown:
            Spinner.running = self
            self._thread = threading.Thread(target=self._quietly, name="spinner", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self.stop()

    def stop(self) -> None:
        """Take it away, if it is there."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._over.set()
            thread.join()
            Spinner.running = None

    def label(self, text: str | None = None) -> None:
        """Say what is waited for: None is what it began with."""
        self._label = self._waiting if text is None else text

    def say_above(self, text: str) -> None:
        """Write a line of narration, under which the spinner goes on."""
        with self._lock:
            narrate(_ERASE, end="")
            narrate(text, dim=True)

    def _quietly(self) -> None:
        with suppress(OSError, ValueError):  # the window is closed, of which others will tell
            self._turn()

    def _turn(self) -> None:
        clock = SystemClock()
        begun_mono = clock.monotonic()
        encoding = (sys.stderr.encoding or "").lower()
        frames = FRAMES if encoding.startswith("utf") else _PLAIN
        for frame in cycle(frames):
            passed = clock.monotonic() - begun_mono
            line = f"{frame} {self._label}, {passed:.0f} s" if passed >= 1 else f"{frame} {self._label}"
            with self._lock:
                narrate(f"{_ERASE}{line[: _width() - 1]}", end="")
            if self._over.wait(PAUSE):
                break
        narrate(_ERASE, end="")


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return shutil.get_terminal_size().columns
