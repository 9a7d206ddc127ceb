"""What comes in: UTF-8, whatever the code page; and a word to whoever waits for a pipe that never ends."""

from __future__ import annotations

import codecs
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shunpike.errors import UsageError

PATIENCE = 1.0
"""Seconds after which it is said that stdin is being read."""


def as_utf8(argument: str) -> str:
    """Return an argument whose bytes are UTF-8 as what they mean, also where the locale (``LANG=C``) knows no UTF-8."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument


def all_of_stdin() -> str:
    """Return the whole of stdin. Raises `UsageError` where it is no text."""
    with _said_to_be_read("the end of stdin"):
        return _text(sys.stdin.buffer.read())


def line_of_stdin() -> str:
    """Return the first line of stdin. Raises `UsageError` where it is no text."""
    with _said_to_be_read("a line on stdin"):
        return _text(sys.stdin.buffer.readline())


def _text(given: bytes) -> str:
    """Return ``given`` as text: UTF-16 where it begins with the mark of it, as PowerShell writes it, else UTF-8."""
    encoding = "utf-16" if given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return given.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"what came in on stdin is not {encoding.removesuffix('-sig').upper()} text (byte {error.start})",
            hint="convert it first: iconv -t UTF-8",
        ) from None


@contextmanager
def _said_to_be_read(what: str) -> Iterator[None]:
    """Say after a second what is waited for: a pipe that nobody closes looks like a hang."""
    timer = threading.Timer(PATIENCE, _say, (what,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(what: str) -> None:
    sys.stderr.write(f"waiting for {what}, which is a pipe; if nothing comes in there: shunpike … < /dev/null\n")
    sys.stderr.flush()
