"""Standard streams that are closed: no traceback, the attempt settles, and no file takes the place of a stream."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def _run(folder: Path, arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        "SHUNPIKE_STORE": f"sqlite:{folder}/ledger.db",
    }
    command = f'exec "{sys.executable}" -m shunpike {arguments}'
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&-", "2</dev/null", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_question_is_answered_and_settled_whatever_is_closed(tmp_path: Path, closing: str) -> None:
    ran = _run(tmp_path, f"ask hi -m sandbox/auto {closing}")
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0
    assert bool(ran.stdout) is (closing in ("2>&-", "<&-", "2</dev/null"))
    told = _run(tmp_path, "usage --json")
    assert '"unconfirmed": 0' in told.stdout
    assert '"held": 0' in told.stdout
    assert '"answered": 1' in told.stdout


@pytest.mark.parametrize("command", ["usage >&-", "doctor >&-", "nonsense --json 2>&-", "keys set sandbox <&-"])
def test_no_command_ends_in_a_traceback(tmp_path: Path, command: str) -> None:
    ran = _run(tmp_path, command)
    assert "Traceback" not in ran.stderr
    assert ran.returncode in (0, 1, 2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("command", ["ask hi -q -m sandbox/auto", "models", "--version", "usage --json"])
def test_a_full_disk_is_told_and_ends_with_the_code_of_a_failure(tmp_path: Path, command: str) -> None:
    ran = _run(tmp_path, f"{command} >/dev/full")
    assert ran.returncode == 1
    assert ran.stderr.startswith(("error: No space left", '{"error"'))
    assert "ignored" not in ran.stderr
