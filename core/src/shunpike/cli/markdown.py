"""Markdown as a terminal shows it, written while it comes: nothing flickers, nothing is lost, code can be copied.

What is complete (a paragraph, a list's item, a table, a line of code) is rendered and written once, for good. The block
that is still coming is rendered below it again and again in place, its last rows only where the screen is lower.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import ClassVar, TextIO

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TableElement
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme
from typing_extensions import override

from shunpike.cli.output import safe
from shunpike.clock import SystemClock

_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s")
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""Around what a terminal shall show at once, where it knows them."""
_THEME = Theme({"markdown.code": "cyan", "markdown.h1": "bold underline", "markdown.h2": "bold"})
_COLOURS = "ansi_dark"
"""The terminal's own colours."""
_CONTEXT = 200
"""Lines of code that are looked at to colour the next one."""
_MATH = frozenset({"\\(", "\\)", "\\[", "\\]"})


class _Code(CodeBlock):
    """Code without a frame and without trailing blanks, so that it can be copied."""

    @override
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in _coloured(str(self.text), self.lexer_name):
            line.no_wrap, line.overflow = True, "ignore"
            yield line


class _Heading(Heading):
    """A heading where the text begins."""

    LEVEL_ALIGN: ClassVar[dict[str, JustifyMethod]] = {}


class _Table(TableElement):
    """A table that folds what is too wide for a column, as cutting it off would lose it."""

    @override
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Rendered(Markdown):
    """Markdown in which line breaks, HTML, images and formulas stay what was written."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "table_open": _Table,
    }

    def __init__(self, markup: str) -> None:
        super().__init__("", hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        parser.disable(["image", "text_join"])
        self.parsed = list(_kept(parser.parse(markup)))


def _kept(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "softbreak":
            token.type = "hardbreak"
        elif token.type == "text_special":
            token.type = "text"
            if token.markup in _MATH:
                token.content = token.markup
        token.content = safe(token.content)
        if token.children:
            token.children = list(_kept(token.children))
        yield token


def _coloured(code: str, language: str) -> list[Text]:
    syntax = Syntax("", language or "text", theme=_COLOURS, background_color="default")
    coloured = syntax.highlight(code.rstrip("\n"))
    coloured.rstrip()
    return list(coloured.split("\n", allow_blank=True))


class MarkdownPage:
    """Writes Markdown on a terminal as it comes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._line = ""  # what has come of the line that is not complete
        self._block: list[str] = []  # complete lines of a block that is not
        self._gap = False  # a blank line has come behind the block
        self._apart = False  # and one before it
        self._code: _OpenCode | None = None
        self._written = False
        self._item_before = False  # what was written last is an item of a list
        self._drawn = 0  # rows of the preview that stand there
        self._done: list[str] = []  # rows to be written for good
        self._clock = SystemClock()
        self._rest_until_mono = 0.0

    def feed(self, text: str) -> None:
        """Take more text: write what is complete by now, and show the rest for the time being."""
        *lines, self._line = (self._line + safe(text)).split("\n")
        for line in lines:
            self._take(line)
        # Drawing takes at most a third of the time: a fast model is not kept waiting by it.
        begun_mono = self._clock.monotonic()
        if begun_mono >= self._rest_until_mono:
            self._draw(self._preview())
            ended_mono = self._clock.monotonic()
            self._rest_until_mono = ended_mono + 2 * (ended_mono - begun_mono)

    def pause(self) -> None:
        """Take the preview away; it comes back with the next text."""
        if self._drawn:
            self._draw([])

    def end(self) -> None:
        """Write what is left, complete or not."""
        if self._line:
            self._take(self._line)
            self._line = ""
        self._close()
        self._code = None
        self._draw([])
        self._out.flush()

    def _take(self, line: str) -> None:
        if self._code is not None:
            if self._code.ends(line):
                self._code, self._apart = None, True
            else:
                self._done += self._rows(self._code.line(line), whole=True)
            return
        fence = _FENCE.match(line)
        if fence:
            self._close()
            self._code = _OpenCode(fence)
            self._space(item=False)
            return
        if not line.strip():
            self._gap = self._gap or bool(self._block)
            return
        item = bool(_ITEM.match(line))
        if self._block and not line.startswith((" ", "\t")) and (self._gap or (item and _ITEM.match(self._block[0]))):
            self._close()
        elif self._gap and self._block:
            self._block.append("")
            self._gap = False
        self._block.append(line)

    def _close(self) -> None:
        """Write the block that is complete."""
        block, self._block = self._block, []
        if block:
            self._space(item=bool(_ITEM.match(block[0])))
            self._done += self._rendered(block)
        self._apart, self._gap = self._apart or self._gap, False

    def _space(self, *, item: bool) -> None:
        """Leave a line free, but between items that stand close."""
        if self._written and (self._apart or not (item and self._item_before)):
            self._done.append("")
        self._written, self._item_before, self._apart = True, item, False

    def _preview(self) -> list[str]:
        if self._code is not None:
            return self._rows(self._code.text(self._line), whole=False) if self._line else []
        lines = [*self._block, *([""] if self._gap else []), *([self._line] if self._line.strip() else [])]
        return self._rendered(lines) if self._block or self._line.strip() else []

    def _rendered(self, lines: list[str]) -> list[str]:
        console = self._console()
        rendered = console.render_lines(_Rendered("\n".join(lines)), pad=False)
        rows = [_text(row) for row in rendered]
        filled = [place for place, row in enumerate(rows) if row.plain.strip()]
        rows = rows[filled[0] : filled[-1] + 1] if filled else []
        return [row for text in rows for row in self._rows(text, whole=True)]

    def _rows(self, text: Text, *, whole: bool) -> list[str]:
        """Return ``text`` with its colours: in one row, which the terminal may wrap, or cut to rows as it would."""
        console = self._console()
        parts = [text] if whole else list(text.wrap(console, console.width, overflow="fold")) or [text]
        found = []
        for part in parts:
            with console.capture() as captured:
                console.print(part, end="", soft_wrap=True)
            found.append(captured.get())
        return found

    def _console(self) -> Console:
        columns, _ = self._size()
        # A row that fills its last column would leave some terminals a row further down than others.
        return Console(
            file=StringIO(), force_terminal=True, width=max(columns - 1, 10), theme=_THEME, highlight=False, emoji=False
        )

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            size = shutil.get_terminal_size()
        return size.columns or 80, size.lines or 24

    def _draw(self, preview: list[str]) -> None:
        """Write what is done in the place of the last preview, and the new preview under it."""
        done, self._done = self._done, []
        rows = preview[-max(self._size()[1] - 1, 1) :]
        if not (done or rows or self._drawn):
            return
        back = f"\r\x1b[{self._drawn - 1}A" if self._drawn > 1 else "\r"
        # Rows that are done may fill the last column, behind which nothing can be erased without its character.
        clean = "\x1b[J" if done or not rows else ""
        written = "".join(f"{row}\n" for row in done) + "\x1b[K\n".join(rows)
        behind = "\x1b[K\x1b[J" if rows else ""
        self._out.write(f"{_BEGIN}{back}{clean}{written}{behind}{_END}")
        self._out.flush()
        self._drawn = len(rows)


class _OpenCode:
    """A block of code whose end has not come."""

    def __init__(self, fence: re.Match[str]) -> None:
        self._indent = len(fence["indent"])
        self._fence = fence["fence"]
        self._language = fence["info"].split()[0] if fence["info"].split() else "text"
        self._lines: list[str] = []

    def ends(self, line: str) -> bool:
        bare = line.strip()
        return len(bare) >= len(self._fence) and set(bare) == {self._fence[0]}

    def line(self, line: str) -> Text:
        """Return ``line`` with its colours, and keep it."""
        text = self.text(line)
        self._lines = [*self._lines[-_CONTEXT:], self._own(line)]
        return text

    def text(self, line: str) -> Text:
        """Return ``line`` with its colours."""
        own = self._own(line)
        if not own.strip():
            return Text("")
        return _coloured("\n".join([*self._lines, own]), self._language)[-1]

    def _own(self, line: str) -> str:
        return line[min(self._indent, len(line) - len(line.lstrip(" "))) :]


def _text(row: list[Segment]) -> Text:
    text = Text.assemble(*[(segment.text, segment.style or "") for segment in row if not segment.control])
    text.rstrip()
    return text
