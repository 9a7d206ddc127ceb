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
_WAY_OUT = "if nothing comes in there: shunpike … < /dev/null"


def as_utf8(argument: str) -> str:
    """Return an argument whose bytes are UTF-8 as what they mean, also where the locale (``LANG=C``) knows no UTF-8."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument


def all_of_stdin() -> str:
    """Return the whole of stdin. Raises `UsageError` where it is no text."""
    with said_to_be_read("the end of stdin"):
        return _text(sys.stdin.buffer.read())


def some_of_stdin(most: int, way_out: str) -> bytes:
    """Return stdin, at most ``most`` bytes of it; ``way_out`` is what to do for who waits in vain."""
    with said_to_be_read("the end of stdin", way_out):
        return sys.stdin.buffer.read(most)


def line_of_stdin() -> str:
    """Return the first line of stdin. Raises `UsageError` where it is no text."""
    with said_to_be_read("a line on stdin"):
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
def said_to_be_read(what: str, way_out: str = _WAY_OUT) -> Iterator[None]:
    """Say after a second what is waited for, and the ``way_out``: a pipe that nobody closes looks like a hang.

    Where a person types, nothing is said.
    """
    timer = threading.Timer(PATIENCE, _say, (what, way_out))
    timer.daemon = True
    if not sys.stdin.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(what: str, way_out: str) -> None:
    sys.stderr.write(f"waiting for {what}, which is a pipe; {way_out}\n")
    sys.stderr.flush()
