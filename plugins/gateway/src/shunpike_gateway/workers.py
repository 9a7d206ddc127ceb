"""Several processes that answer at one address: started, watched over, started again, and told to end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections import deque
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
"""Seconds within which a worker is young, and so are all together: one that fails then says why none can begin."""


class _Worker:
    """One place among the workers, and the process that stands there now.

    Args:
        share: Where that process leaves what it counted: the next one at this place goes on with it.

    """

    def __init__(self, command: list[str], fd: int, share: Path) -> None:
        self._command, self._fd = [*command, str(share)], fd
        self._failures = 0
        self.start()

    def start(self) -> None:
        self.starts_mono: float | None = None
        """When the next one is started; None = one runs."""
        self._began_mono = time.monotonic()
        # In a group of its own: Ctrl-C tells whoever watches over it, which passes it on, and would else come twice.
        self.process = subprocess.Popen(self._command, pass_fds=[self._fd], process_group=0)  # noqa: S603 - our own

    def died(self, now_mono: float) -> float:
        """Return the seconds until it is started again."""
        self._failures = self._failures + 1 if now_mono - self._began_mono < YOUNG else 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 1)) if self._failures else 0.0
        self.starts_mono = now_mono + pause
        return pause


class Workers:
    """``count`` processes that accept from ``bound``."""

    def __init__(self, bound: socket.socket, count: int, given: Mapping[str, Any]) -> None:
        self._bound, self._count = bound, count
        fd = bound.fileno()
        bound.set_inheritable(True)
        # With -P nothing is imported from the folder that it is started in.
        self._command = [sys.executable, "-P", "-m", "shunpike_gateway.worker", str(fd), json.dumps(dict(given))]
        self._workers: list[_Worker] = []
        self._signals: deque[int] = deque()
        """What came and was not passed on yet: a worker that is being started must hear of it, too."""
        self._ending = False
        self._began_mono = 0.0

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code: that of workers none of which could begin."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        with TemporaryDirectory(prefix="shunpike-gateway-") as folder:
            return self._watch(Path(folder))

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _watch(self, folder: Path) -> int:
        fd, code = self._bound.fileno(), 0
        self._began_mono = time.monotonic()
        self._workers = [_Worker(self._command, fd, folder / f"{place}.json") for place in range(self._count)]
        while not self._ending:
            time.sleep(LOOK)
            code = self._look()
            if code:
                self._signals.append(signal.SIGTERM)
            self._pass_on()
        self._bound.close()
        while any(one.process.poll() is None for one in self._workers):
            time.sleep(LOOK)
            self._pass_on()
        return code

    def _look(self) -> int:
        """Start again who died. Return the exit code of one that could not begin, which keeps all from it; else 0."""
        now_mono = time.monotonic()
        for one in self._workers:
            if one.starts_mono is not None:
                if now_mono >= one.starts_mono:
                    one.start()
                continue
            code = one.process.poll()
            if code is None:
                continue
            if code > 0 and now_mono - self._began_mono < YOUNG:
                return code
            pause = one.died(now_mono)
            narrate(f"worker {one.process.pid} ended with {code}; another begins in {pause:g} s")
        return 0

    def _pass_on(self) -> None:
        while self._signals:
            number = self._signals.popleft()
            self._ending = self._ending or number != signal.SIGHUP
            for one in self._workers:
                if one.process.poll() is None:
                    one.process.send_signal(number)
