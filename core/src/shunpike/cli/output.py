"""What is written where: data to stdout, narration to stderr, colour only on a terminal that wants it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from shunpike.cli.tables import NOTHING, aligned
from shunpike.cli.terminal import columns, safe, styled
from shunpike.types.plain import plain

_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"

__all__ = [
    "NOTHING",
    "as_json",
    "as_list",
    "data",
    "kept_for_data",
    "narrate",
    "plain",
    "safe",
    "say",
    "styled",
    "table",
]
_APART: list[TextIO] = []
"""Stdout as it was, while it is kept for data."""


def data() -> TextIO:
    """Return the stream that data goes to."""
    return _APART[-1] if _APART else sys.stdout


@contextmanager
def kept_for_data() -> Iterator[None]:
    """Keep stdout for data: what strangers' code prints meanwhile goes to stderr."""
    _APART.append(data())
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _APART.pop()


def say(text: str = "", *, end: str = "\n") -> None:
    """Write data to stdout at once."""
    out = data()
    out.write(text + end)
    out.flush()


def narrate(text: str = "", *, end: str = "\n", dim: bool = False) -> None:
    """Write narration to stderr at once."""
    if dim and text and styled(sys.stderr):
        text = f"{_DIM}{text}{_RESET}"
    sys.stderr.write(text + end)
    sys.stderr.flush()


def as_json(value: Any, stream: TextIO | None = None) -> None:
    """Write one JSON object, to stdout unless told otherwise."""
    out = stream or data()
    indent = 2 if out.isatty() else None
    out.write(json.dumps(plain(value), indent=indent, ensure_ascii=False) + "\n")
    out.flush()


def as_list(rows: Iterable[Any]) -> None:
    """Write the rows as one JSON object: ``{"data": […], "has_more": false}``."""
    as_json({"data": list(rows), "has_more": False})


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """Return aligned columns that fit the terminal; those whose numbers are in ``right`` are set flush right."""
    lines = aligned(headings, rows, right=right, width=columns(data()))
    if styled(data()):
        lines[0] = f"{_BOLD}{lines[0]}{_RESET}"
    return "\n".join(lines)
