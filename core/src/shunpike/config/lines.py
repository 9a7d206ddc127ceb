"""Where in a TOML file a setting stands: the parser tells values, not lines."""

from __future__ import annotations

import re

_NAME = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
DEEPEST = 8
"""Tables within tables whose lines are kept; settings are five deep."""
_HEADER = re.compile(rf"\s*\[\[?\s*(?P<name>{_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*(?P<name>{_DOTTED})\s*=")


def lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each table and key that begins a line; what is inside an inline table has that one's line."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header["name"])
            _note(found, table, number)
        elif key := _KEY.match(line):
            _note(found, (*table, *_parts(key["name"])), number)
    return found


def line_of(path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> int | None:
    """Return the line of the setting at ``path``, or of the nearest table around it; None where none is known."""
    return next((lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in lines), None)


def _note(found: dict[tuple[str, ...], int], path: tuple[str, ...], number: int) -> None:
    for depth in range(1, min(len(path), DEEPEST) + 1):
        found.setdefault(path[:depth], number)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))
