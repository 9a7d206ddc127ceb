"""Where messages come from: an editor on a terminal, the best one that is there, or a pipe."""

from __future__ import annotations

import io
import os
import sys
from contextlib import nullcontext
from typing import Protocol, TextIO

from shunpike.cli.chat.completion import Completer
from shunpike.cli.chat.history import History
from shunpike.cli.chat.several_lines import whole
from shunpike.cli.output import data, narrate
from shunpike.cli.reading import said_to_be_read

PROMPT = "> "
MORE = "… "
"""Before a line that goes on with a message."""
_WAYS_OUT = "to leave: close it   ·   to ask once: shunpike ask"


class Lines(Protocol):
    """Gives messages, one after the other."""

    def read(self) -> str | None:
        """Return the next message, of one or more lines; None at the end. Raises `KeyboardInterrupt` on Ctrl-C."""


class PlainLines:
    """Reads line by line, as they come. Of a pipe that gives no first one it is said that it is waited for."""

    def __init__(self) -> None:
        self._begun = False

    def read(self) -> str | None:
        """Return the next message; None at the end."""
        return whole(self._line)

    def _line(self, more: bool) -> str | None:
        if sys.stdin.isatty():
            narrate(MORE if more else PROMPT, end="")
        # A program that has said something may think as long as it likes.
        with nullcontext() if self._begun else said_to_be_read("a line on stdin", _WAYS_OUT):
            line = sys.stdin.readline()
        self._begun = True
        return line.rstrip("\n") if line else None


def open_lines(completer: Completer) -> Lines:
    """Return an editor where a person sits: prompt_toolkit if it is installed, else readline; else plain lines."""
    watched = _is_terminal(sys.stdin)
    if isinstance(sys.stdin, io.TextIOWrapper):
        # A pipe is UTF-8, whatever the code page, as for a question. Bytes that are no text end no talk: their message
        # is rejected.
        sys.stdin.reconfigure(encoding=sys.stdin.encoding if watched else "utf-8-sig", errors="surrogateescape")
    if not watched:
        return PlainLines()
    if _is_terminal(sys.stderr) and os.environ.get("TERM", "dumb") != "dumb":
        try:
            from shunpike.cli.chat.toolkit import ToolkitLines

            return ToolkitLines(History(), completer)
        except ImportError:
            pass
    try:
        from shunpike.cli.chat.gnu import ReadlineLines
    except ImportError:
        return PlainLines()
    return ReadlineLines(History(), completer) if _is_terminal(data()) else PlainLines()


def _is_terminal(stream: TextIO) -> bool:
    try:
        return os.isatty(stream.fileno())
    except (OSError, ValueError):  # it is closed, or none of the system's
        return False
