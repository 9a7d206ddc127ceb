"""SIGTERM and SIGHUP end a command as Ctrl-C does: the connection is closed, and what was held is settled or marked."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Whoever runs the tests may ignore SIGHUP, which a child inherits.
MAIN = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); from shunpike.cli.main import main; main()"
PATIENCE = 20


class Stalled:
    """A server that takes requests and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def received(self) -> socket.socket:
        """Wait until a request has come, its body to the end: before that nothing can be billed."""
        while True:
            taken, _ = self._listener.accept()
            taken.settimeout(PATIENCE)
            self._open.append(taken)
            head, _, body = taken.recv(65_536).partition(b"\r\n\r\n")
            if head.startswith(b"POST"):
                length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
                while len(body) < length:
                    more = taken.recv(65_536)
                    assert more, "the request broke off"
                    body += more
                return taken

    def close(self) -> None:
        for one in (*self._open, self._listener):
            one.close()


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[Stalled]:
    """The one provider that can be asked, which costs money; both kinds of model are there."""
    server = Stalled()
    (tmp_path / "config.toml").write_text(
        f"""
allow_paid = true
budgets = [{{ amount = "1.00", period = "day" }}]
[providers.openai]
base_url = "http://127.0.0.1:{server.port}/v1"
""",
        encoding="utf-8",
    )
    yield server
    server.close()


def start(tmp_path: Path, *arguments: str, ignored: bool = False) -> subprocess.Popen[bytes]:
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    before = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " if ignored else ""
    return subprocess.Popen(
        [sys.executable, "-c", before + MAIN, *arguments],
        cwd=tmp_path,
        env={
            **os.environ,
            **home,
            "OPENAI_API_KEY": "sk-test-0123456789",
            "SHUNPIKE_CONFIG": str(tmp_path / "config.toml"),
        },
        stdin=subprocess.PIPE if "chat" in arguments else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def books(tmp_path: Path) -> dict[str, Any]:
    out, err = start(tmp_path, "usage", "--json").communicate(timeout=PATIENCE)
    rows = json.loads(out)["data"]
    assert len(rows) == 1, err
    return dict(rows[0])


def is_marked(tmp_path: Path) -> bool:
    """Whether nothing is held, and what may be billed is known to be unknown."""
    row = books(tmp_path)
    return (row["requests"], row["held"], row["unconfirmed"], row["cost"] != "0.00") == (1, 0, 1, True)


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass  # what is left of the request
    except ConnectionResetError:
        pass
    return True


ASKING = {
    "stream": ("-m", "openai/gpt-4o-mini", "hi"),
    "whole": ("ask", "--no-stream", "-m", "openai/gpt-4o-mini", "hi"),
    "embed": ("embed", "-m", "openai/text-embedding-3-small", "hi"),
}


@pytest.mark.parametrize(
    ("asking", "name", "code"),
    [("stream", "SIGTERM", 143), ("whole", "SIGTERM", 143), ("embed", "SIGTERM", 143), ("stream", "SIGHUP", 129)],
)
def test_a_command_that_is_told_to_end_settles_first(
    tmp_path: Path, stalled: Stalled, asking: str, name: str, code: int
) -> None:
    """It died at once, and what it held stayed held until another process found it dead."""
    process = start(tmp_path, *ASKING[asking])
    connection = stalled.received()
    process.send_signal(getattr(signal, name))
    assert is_closed(connection)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.strip()) == (code, b"", b"")
    assert is_settled_by_itself(tmp_path)
    assert is_marked(tmp_path)


def is_settled_by_itself(tmp_path: Path) -> bool:
    """Whether the file itself says so, before anybody has looked for owners that died."""
    (found,) = (tmp_path / "home").rglob("ledger.db")
    with sqlite3.connect(f"file:{found}?mode=ro", uri=True) as file:
        states = [row[0] for row in file.execute("SELECT state FROM attempts")]
    return states == ["unconfirmed"]


def test_a_talk_that_is_told_to_end_ends(tmp_path: Path, stalled: Stalled) -> None:
    """Ctrl-C only stops its answer."""
    process = start(tmp_path, "chat", "-m", "openai/gpt-4o-mini")
    assert process.stdin is not None
    process.stdin.write(b"hi\n")
    process.stdin.flush()
    connection = stalled.received()
    process.send_signal(signal.SIGTERM)
    assert is_closed(connection)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"Traceback" in err) == (143, False)
    assert is_marked(tmp_path)


def test_a_talk_that_waits_for_its_person_ends_too(tmp_path: Path, stalled: Stalled) -> None:
    process = start(tmp_path, "chat", "-m", "openai/gpt-4o-mini")
    assert process.stderr is not None
    assert b"Ctrl-C stops an answer" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"Traceback" in err) == (143, False)
    assert stalled.port


def test_where_ctrl_c_is_ignored_sigterm_is_not(tmp_path: Path, stalled: Stalled) -> None:
    """As in the background of a shell."""
    process = start(tmp_path, *ASKING["stream"], ignored=True)
    connection = stalled.received()
    process.send_signal(signal.SIGTERM)
    assert is_closed(connection)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"Traceback" in err) == (143, False)
    assert is_marked(tmp_path)


def test_a_second_sigterm_kills(tmp_path: Path) -> None:
    """Tidying up may hang; nobody should have to look for a stronger signal."""
    code = (
        "import signal, threading; from shunpike.cli.ending import end_tidily\n"
        "end_tidily()\n"
        "try:\n    print('ready', flush=True); threading.Event().wait()\n"
        "except KeyboardInterrupt:\n    print('tidying', flush=True); threading.Event().wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == b"tidying\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("arguments", [("sandbox", "serve", "--port", "0"), ("demo", "--requests", "5000")])
def test_what_serves_and_what_plays_end_as_well(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    process = start(tmp_path, *arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    (process.stdout if arguments[0] == "sandbox" else process.stderr).read(1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"Traceback" in err) == (143, False), err
