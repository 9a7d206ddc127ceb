"""Several processes that answer at one address: started, watched over, started again, and told to end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from shunpike.cli.output import narrate

LOOK = 0.1
"""Seconds between two looks at who has died."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before one that died young is started again: twice as many each time."""
YOUNG = 5.0
"""Seconds within which a worker is young."""


class _Worker:
    """One place among the workers, and the process that stands there now.

    Args:
        share: Where that process leaves what it counted: the next one at this place goes on with it.

    """

    def __init__(self, command: list[str], fd: int, share: Path) -> None:
        self._command, self._fd = [*command, str(share)], fd
        self.failures = 0
        self.starts_mono = 0.0
        """When it may be started again."""
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        self.began_mono = time.monotonic()
        return subprocess.Popen(self._command, pass_fds=[self._fd])  # noqa: S603 - it is this program

    def died(self, now_mono: float) -> float:
        """Return the seconds until it is started again."""
        self.failures = self.failures + 1 if now_mono - self.began_mono < YOUNG else 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.failures - 1)) if self.failures else 0.0
        self.starts_mono = now_mono + pause
        return pause

    def start_again(self) -> None:
        self.process = self._started()


class Workers:
    """``count`` processes that accept from ``bound``."""

    def __init__(self, bound: socket.socket, count: int, given: Mapping[str, Any]) -> None:
        self._bound, self._count = bound, count
        fd = bound.fileno()
        bound.set_inheritable(True)
        self._command = [sys.executable, "-m", "shunpike_gateway.worker", str(fd), json.dumps(dict(given))]
        self._workers: list[_Worker] = []
        self._dead: set[int] = set()
        self._ending = False

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code: that of workers none of which could begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._pass_on)
        with TemporaryDirectory(prefix="shunpike-gateway-") as folder:
            return self._watch(Path(folder))

    def _watch(self, folder: Path) -> int:
        fd = self._bound.fileno()
        self._workers = [_Worker(self._command, fd, folder / f"{place}.json") for place in range(self._count)]
        while not self._ending:
            time.sleep(LOOK)
            code = self._look()
            if code is not None:
                self._end(signal.SIGTERM, None)
                self._wait()
                return code
        self._bound.close()
        self._wait()
        return 0

    def _look(self) -> int | None:
        now_mono = time.monotonic()
        for place, one in enumerate(self._workers):
            code = one.process.poll()
            if code is None or self._ending:
                continue
            if place not in self._dead:
                if code > 0 and now_mono - one.began_mono < YOUNG and one.failures == 0 and len(self._dead) == 0:
                    return code  # what keeps one from beginning keeps all
                pause = one.died(now_mono)
                self._dead.add(place)
                narrate(f"worker {one.process.pid} ended with {code}; another begins in {pause:g} s")
            elif now_mono >= one.starts_mono:
                self._dead.discard(place)
                one.start_again()
        return None

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._ending = True
        self._tell(number)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._tell(number)

    def _tell(self, number: int) -> None:
        for one in self._workers:
            if one.process.poll() is None:
                one.process.send_signal(number)

    def _wait(self) -> None:
        for one in self._workers:
            one.process.wait()
