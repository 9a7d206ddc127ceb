"""Aligned columns that fit the terminal: cells are broken between words, or each row becomes lines of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from shunpike.cli.terminal import safe

NOTHING = "-"
_GAP = "  "
_NARROWEST = 10
"""Characters to which a column is made narrower before rows become lines of their own."""


def aligned(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Iterable[int] = (), width: int | None = None
) -> list[str]:
    """Return the lines, the headings first; the columns whose numbers are in ``right`` are set flush right.

    No frame: it can be grepped. Without ``width`` each row is one line; else no line is longer than that.
    """
    flush = set(right)
    cells = [list(headings), *[[_one_line(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    if width is not None:
        fitting = _narrowed(widths, _least(cells, flush), width)
        if fitting is None:
            return _one_below_another(cells, width)
        widths = fitting
    return [line for row in cells for line in _lines(row, widths, flush)]


def _one_line(cell: str) -> str:
    return safe(cell).replace("\n", " ").replace("\t", " ")


def _least(cells: Sequence[Sequence[str]], flush: set[int]) -> list[int]:
    """Return how narrow each column can be: numbers and first columns are not broken, nor are words."""
    least = []
    for column in range(len(cells[0])):
        texts = [row[column] for row in cells]
        whole = column in flush or column == 0
        chunks = texts if whole else [word for text in texts for word in text.split()]
        longest = max((len(chunk) for chunk in chunks), default=0)
        least.append(longest if whole else max(longest, min(_NARROWEST, max(map(len, texts)))))
    return least


def _narrowed(widths: Sequence[int], least: Sequence[int], width: int) -> list[int] | None:
    """Return widths that fit, the widest columns made narrower first; None where that can't be."""
    found = list(widths)
    excess = sum(found) + len(_GAP) * (len(found) - 1) - width
    while excess > 0:
        broad = [column for column in range(len(found)) if found[column] > least[column]]
        if not broad:
            return None
        widest = max(broad, key=lambda column: found[column])
        found[widest] -= 1
        excess -= 1
    return found


def _lines(row: Sequence[str], widths: Sequence[int], flush: set[int]) -> list[str]:
    broken = [
        textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""] if cell else [""]
        for cell, width in zip(row, (max(1, one) for one in widths), strict=True)
    ]
    lines = []
    for number in range(max(map(len, broken))):
        parts = [
            (cell[number] if number < len(cell) else "").rjust(width)
            if column in flush
            else (cell[number] if number < len(cell) else "").ljust(width)
            for column, (cell, width) in enumerate(zip(broken, widths, strict=True))
        ]
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _one_below_another(cells: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return each row as its first cell and, indented, what stands under the other headings."""
    headings, *rows = cells
    lines = _broken(headings[0], "", width)
    for row in rows:
        lines += _broken(row[0], "", width)
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            if cell not in ("", NOTHING):
                lines += _broken(f"{heading}: {cell}" if heading else cell, "  ", width)
    return lines


def _broken(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        # What goes on is set in, so that the rest of a long id is no row of its own.
        text,
        max(width, 8),
        initial_indent=indent,
        subsequent_indent=(indent or "  ") + "  ",
        break_on_hyphens=False,
    )
