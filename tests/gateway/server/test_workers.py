"""Whoever watches over the workers: which of them is started again, and what each is told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shunpike_gateway.server import listening
from shunpike_gateway.workers import YOUNG, Workers, _Worker

WAITS = "import time; time.sleep(600)"


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Two processes that wait."""
    with listening("127.0.0.1", 0) as bound:
        found = Workers(bound, 2, {})
        found._command = [sys.executable, "-c", WAITS]
        yield found
        for one in found._workers:
            one.process.kill()
            one.process.wait()


def test_a_signal_that_comes_while_they_are_started_ends_them(workers: Workers, tmp_path: Path) -> None:
    workers._note(signal.SIGTERM, None)
    assert workers._watch(tmp_path) == 0
    assert [one.process.returncode for one in workers._workers] == [-signal.SIGTERM] * 2


def started(workers: Workers, folder: Path, code: str) -> _Worker:
    """The one worker that there is, which runs ``code``."""
    one = _Worker([sys.executable, "-c", code], workers._bound.fileno(), folder / "0.json")
    workers._workers = [one]
    return one


def test_one_that_fails_ends_all_only_while_none_has_begun(
    workers: Workers, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    started(workers, tmp_path, "raise SystemExit(3)").process.wait()
    workers._began_mono = time.monotonic()
    assert workers._look() == 3
    workers._began_mono -= YOUNG  # the settings were spoilt since, and the others go on with what they read
    assert workers._look() == 0
    assert "ended with 3; another begins in 0.5 s" in capfd.readouterr().err


def test_ctrl_c_reaches_them_through_their_watcher_alone(workers: Workers, tmp_path: Path) -> None:
    """Else each would be told twice, which ends what runs."""
    assert os.getpgid(started(workers, tmp_path, WAITS).process.pid) != os.getpgrp()
