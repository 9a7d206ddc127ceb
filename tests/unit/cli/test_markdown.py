"""Markdown on a screen: the same however it is cut, nothing lost, nothing left of what was shown for the time being."""

from __future__ import annotations

import io
import re

import pyte
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shunpike.cli.markdown import MarkdownPage

SAMPLE = """\
# A title

A **bold** paragraph with `code` and
a second line, see <div> & \\(x^2\\) ![img](http://x/y.png) [link](http://a.b/c).

1. one
2. two
   ```python
   def f(x):
       return "a"

   print(1)  # a long line of code that is wider than any screen on which this is shown in a test, and stays one
   ```
3. three

- a
- b
  - nested
- c

| name | value |
| --- | ---: |
| long | averyveryverylongwordwithoutanyspacesinitthatdoesnotfitatallanywhere |
| x y z | https://example.com/a/very/long/url/that/has/no/spaces/in/it/whatsoever |

> quote
> more

~~~
never closed
"""


def shown(monkeypatch: pytest.MonkeyPatch, chunks: list[str], columns: int = 60, rows: int = 20) -> list[str]:
    """The lines that a terminal shows in the end, those that have left it at the top first."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    out = io.StringIO()
    page = MarkdownPage(out)
    for chunk in chunks:
        page.feed(chunk)
    page.end()
    screen = pyte.HistoryScreen(columns, rows, history=5_000)
    pyte.Stream(screen).feed(out.getvalue().replace("\n", "\r\n"))
    past = ["".join(line[column].data for column in range(columns)) for line in screen.history.top]
    return "\n".join(line.rstrip() for line in (*past, *screen.display)).rstrip().split("\n")


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_it_is_the_same_however_it_is_cut_and_however_low_the_screen_is(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    whole = shown(monkeypatch, [SAMPLE], columns)
    for step in (3, 50):
        cut = [SAMPLE[place : place + step] for place in range(0, len(SAMPLE), step)]
        assert shown(monkeypatch, cut, columns) == whole
        assert shown(monkeypatch, cut, columns, rows=5) == whole


def test_nothing_is_lost_and_blocks_look_as_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, [SAMPLE])
    text = "\n".join(lines)
    assert lines[:6] == [
        "A title",
        "",
        "A bold paragraph with code and",
        "a second line, see <div> & \\(x^2\\) !img (http://x/y.png)",
        "link (http://a.b/c).",
        "",
    ]
    assert ' 1 one\n 2 two\n\ndef f(x):\n    return "a"\n\nprint(1)' in text
    assert " • a\n • b\n    • nested\n • c\n" in text
    packed = re.sub(r"\s", "", text)
    assert "averyveryverylongwordwithoutanyspaces" in packed
    assert "whatsoever" in packed
    assert text.endswith("▌ quote\n▌ more\n\nnever closed")


def test_a_long_line_of_code_is_one_line_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    page = MarkdownPage(out)
    code = "x = '" + "y" * 200 + "'"
    page.feed(f"```python\n{code}\n```\n")
    page.end()
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", out.getvalue())
    assert f"\n{code}\n" in f"\n{plain}\n".replace("\r", "")


def test_what_would_drive_the_terminal_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    page = MarkdownPage(out)
    page.feed("a \x1b]0;title\x07 &#27;[31m `\x1b[2J` \x9b1m [x](http://a/\x1b[5m)\n\n```\n\x1b[6n\n```\n")
    page.end()
    # What is left of escapes are our own: colours, moves within the preview, erasing, showing at once.
    left = re.sub(r"\x1b\[(?:[0-9;]*m|\d*[AKJ]|\?2026[hl])", "", out.getvalue())
    assert "\x1b" not in left
    assert "\x9b" not in left
    assert "\x1b[2J" not in out.getvalue()
    assert "\x1b[31m" not in out.getvalue()


WORDS = st.lists(
    st.sampled_from(
        [
            "alpha",
            "*",
            "**",
            "`",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "# ",
            "> ",
            "| ",
            "<b>",
            "~~",
            "[",
            "](",
            ")",
            "beta",
            "```\n",
        ]
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, st.integers(1, 9))
def test_no_word_is_ever_lost(monkeypatch: pytest.MonkeyPatch, words: list[str], step: int) -> None:
    text = " ".join(words)
    cut = [text[place : place + step] for place in range(0, len(text), step)]
    lines = "\n".join(shown(monkeypatch, cut))
    for word in ("alpha", "beta"):
        wanted = sum(one.count(word) for one in words)
        assert lines.count(word) == wanted, lines
