"""A program on a pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any, Self

import pyte

PATIENCE = 60
"""Seconds until a test gives up; on an idle machine nothing takes one."""
SCRIPT = str(Path(__file__).with_name("talking.py"))
ENTER, UP, LEFT, RIGHT, HOME, END = "\r", "\x1b[A", "\x1b[D", "\x1b[C", "\x01", "\x05"
CTRL_C, CTRL_D, CTRL_R, CTRL_W, TAB, ALT_ENTER = "\x03", "\x04", "\x12", "\x17", "\t", "\x1b\r"


def _sit_down() -> None:
    """Make the terminal the child's own. Its hang-up counts also where the tests themselves are run by ``nohup``."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Terminal:
    """Runs ``shunpike`` with ``arguments`` on a terminal of ``columns`` by ``rows``."""

    def __init__(self, folder: Path, *arguments: str, columns: int = 80, rows: int = 24, **environ: str) -> None:
        self.folder = folder
        self.screen = pyte.HistoryScreen(columns, rows, history=5_000)
        self.screen.write_process_input = lambda data: os.write(self._master, data.encode())  # where the cursor is
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._master, slave = os.openpty()
        self._size(columns, rows)
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, *arguments],
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUTF8": "1", **environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_sit_down,  # noqa: PLW1509 - no thread runs yet
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._master >= 0:
            os.close(self._master)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size, of which the system tells the program."""
        self.screen.resize(rows, columns)
        self._size(columns, rows)

    @property
    def lines(self) -> list[str]:
        """All lines, those that have left the screen at its top first, without blanks at their ends."""
        past = ["".join(line[column].data for column in range(self.screen.columns)) for line in self.screen.history.top]
        return [line.rstrip() for line in (*past, *self.screen.display)]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    @property
    def row(self) -> str:
        """The line that the cursor is in."""
        return self.screen.display[self.screen.cursor.y].rstrip()

    def _read(self) -> bool:
        """Take what comes; False when nothing will come any more."""
        ready, _, _ = select.select([self._master], [], [], 0.1)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # all ends of it are closed
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def wait(self, seen: Any, what: str) -> None:
        """Read until ``seen()`` is true."""
        end = time.monotonic() + PATIENCE
        while not seen():
            alive = self._read()
            assert seen() or (alive and time.monotonic() < end), f"never saw {what}; the screen is\n{self.text}"

    def until(self, pattern: str) -> None:
        """Read until the screen shows ``pattern``."""
        self.wait(lambda: re.search(pattern, self.text), pattern)

    def prompt(self) -> None:
        """Read until the program waits for a message."""
        self.wait(lambda: self.row == ">", "a prompt")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def type_bytes(self, data: bytes) -> None:
        os.write(self._master, data)

    def say(self, text: str) -> None:
        """Type a message at a prompt, and see it there before it is sent."""
        self.prompt()
        self.type(text)
        self.wait(lambda: self.row.endswith(text[-20:].rstrip()), text)
        self.type(ENTER)

    def paste(self, text: str) -> None:
        """Paste as terminals do it."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def modes(self) -> list[Any]:
        """The modes of the terminal: what it echoes, and so on."""
        return termios.tcgetattr(self._master)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> int:
        """Close the window, and wait until the program has ended; return its exit code."""
        os.close(self._master)
        self._master = -1
        return self._process.wait(PATIENCE)

    def end(self) -> int:
        """Read to the end; return the exit code."""
        end = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < end, self.text
        return self._process.wait(PATIENCE)

    def asked(self) -> list[dict[str, Any]]:
        """What the provider was asked."""
        file = self.folder / "asked.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def messages(self) -> list[str]:
        """The last message of each request."""
        return [one["messages"][-1]["content"] for one in self.asked()]
