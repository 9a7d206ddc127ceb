"""Ways to end: signals, closed pipes, odd bytes. Each in a process of its own, as a person would have it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = str(Path(__file__).with_name("slow_answer.py"))


def start(tmp_path: Path, *arguments: str, stdin: int = subprocess.DEVNULL, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        cwd=tmp_path,
        env={**os.environ, **environ},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def usage(tmp_path: Path) -> dict[str, Any]:
    out, _ = start(tmp_path, "usage", "--json").communicate(timeout=20)
    (row,) = json.loads(out)["data"]
    return dict(row)


def test_ctrl_c_in_a_stream_leaves_no_traceback_and_no_open_row(tmp_path: Path) -> None:
    process = start(tmp_path, "Count for ever")
    assert process.stdout is not None
    assert process.stdout.read(6) == b"word0 "
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert err.strip() == b""
    assert out.endswith(b"\n"), "the cursor is left on a line of its own"
    assert (tmp_path / "closed").exists(), "the connection was closed"
    row = usage(tmp_path)
    assert (row["requests"], row["held"]) == (1, 0)


def test_a_reader_that_leaves_ends_the_answer_quietly(tmp_path: Path) -> None:
    process = start(tmp_path, "Count for ever")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(6) == b"word0 "
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=20), err) == (0, b"")
    assert usage(tmp_path)["held"] == 0


def test_ctrl_c_in_a_talk_stops_the_answer_and_the_talk_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, "chat", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"first\n")
    process.stdin.flush()
    assert process.stdout.read(6) == b"word0 "
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(b"/exit\n", timeout=20)
    assert process.returncode == 0, err
    assert b"(stopped; what was said is kept)" in err
    assert b"Traceback" not in err
    assert usage(tmp_path)["held"] == 0


def test_stdin_that_is_not_text_is_refused(tmp_path: Path) -> None:
    process = start(tmp_path, stdin=subprocess.PIPE)
    _, err = process.communicate(b"abc\xff", timeout=20)
    assert process.returncode == 2
    assert b"not UTF-8 text (byte 3)" in err


def test_an_argument_that_is_not_text_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable.encode(), SCRIPT.encode(), b"a\xff b"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"not UTF-8 text" in done.stderr


def test_a_pipe_is_utf_8_where_the_terminal_is_not(tmp_path: Path) -> None:
    process = start(tmp_path, "doctor", PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert "  ✓ shunpike 0.".encode() in out


@pytest.mark.parametrize("command", [("--help",), ("--version",)])
def test_help_imports_no_client_no_provider_and_no_server(tmp_path: Path, command: tuple[str, ...]) -> None:
    code = "import sys; from shunpike.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    heavy = {
        "pydantic",
        "httpx",
        "anyio",
        "pluggy",
        "apsw",
        "rich",
        "starlette",
        "uvicorn",
        "tiktoken",
        "prompt_toolkit",
        "readline",
    }
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("shunpike_")}
    assert "shunpike.client" not in loaded
