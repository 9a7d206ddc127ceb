"""An answer at a terminal: Markdown, the spinner before it, another width in the middle of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .terminal import CTRL_C, SCRIPT, Terminal

PAGE = "# Roads\n\nA **toll** road.\n\n| road | toll |\n| --- | --- |\n| old | none |\n\n```\nx = 1\n```\n"
RENDERED = "Roads\n\nA toll road.\n"
SPINNER = "waiting for the first word"


def test_markdown_is_rendered_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    with Terminal(tmp_path, "page") as terminal:
        assert terminal.end() == 0
        assert RENDERED in terminal.text
        assert "\nx = 1\n" in terminal.text
        assert "**" not in terminal.text
        assert "```" not in terminal.text


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [(["--no-markdown"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})],
    ids=["option", "no colour", "dumb"],
)
def test_markdown_stays_as_it_was_written_where_that_is_wanted(
    tmp_path: Path, arguments: list[str], environ: dict[str, str]
) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    with Terminal(tmp_path, "page", *arguments, **environ) as terminal:
        assert terminal.end() == 0
        assert PAGE in terminal.text
        assert SPINNER.encode() not in terminal.raw or not environ


def test_a_pipe_gets_the_text_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    done = subprocess.run(
        [sys.executable, SCRIPT, "page"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert done.stdout.decode() == PAGE
    assert b"\x1b" not in done.stderr
    assert SPINNER.encode() not in done.stderr


@pytest.mark.parametrize("command", ["ask", "chat"])
def test_a_spinner_shows_life_until_the_first_word_and_goes(tmp_path: Path, command: str) -> None:
    with Terminal(tmp_path, command, *(["late"] if command == "ask" else [])) as terminal:
        if command == "chat":
            terminal.say("late")
        terminal.until(SPINNER)
        frames = set()
        terminal.wait(lambda: frames.add(terminal.row[:1]) or len(frames) > 2, "it turn")
        terminal.until(f"{SPINNER}, 1 s")
        (tmp_path / "now").touch()
        terminal.until("echo 'late' of 1")
        assert SPINNER not in terminal.text


def test_ctrl_c_takes_the_spinner_away(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.say("late")
        terminal.until(SPINNER)
        terminal.type(CTRL_C)
        terminal.until(r"\(stopped; /retry sends it again\)")
        terminal.prompt()
        assert SPINNER not in terminal.text
        (tmp_path / "now").touch()
        terminal.say("/retry")
        terminal.until("echo 'late' of 1")


def test_while_a_limit_is_waited_for_the_spinner_says_until_when(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "acme/m", SLOWLY="1") as terminal:
        terminal.say("one")
        terminal.until("of 1")
        terminal.say("two")
        terminal.until(r"waiting for acme: .*opens in")
        terminal.until(r"waiting until .*\d\d:\d\d")
        terminal.type(CTRL_C)
        terminal.until(r"\(stopped; /retry sends it again\)")
        terminal.prompt()
        assert "waiting until" not in terminal.text


def test_a_window_that_gets_narrow_in_an_answer_loses_no_word(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", columns=120) as terminal:
        terminal.say("count")
        terminal.until("word30 ")
        terminal.resize(60, 24)
        terminal.until("word60 ")
        terminal.type(CTRL_C)
        terminal.until("what was said is kept")
        terminal.prompt()
        terminal.say("after that")
        terminal.until("of 3")
        said = terminal.asked()[1]["messages"][1]["content"].split()
        assert set(said) <= set(re.findall(r"\bword\d+\b", terminal.text))


def test_a_wide_table_fits_sixty_columns(tmp_path: Path) -> None:
    cells = " | ".join(f"column number {number}" for number in range(6))
    (tmp_path / "page.md").write_text(f"| {cells} |\n|{' --- |' * 6}\n| {cells} |\n")
    with Terminal(tmp_path, "page", columns=60) as terminal:
        assert terminal.end() == 0
        table = terminal.text.partition("acme/m")[0]
        assert all(table.count(str(number)) == 2 for number in range(6))
        assert max(len(line) for line in terminal.lines) <= 60


def test_a_model_can_t_drive_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("a\x1b]0;owned\x07b &#27;[31m\x1b[2Jc\n\n```\n\x1b[6n\x9b5m\n```\n")
    for option in ("--markdown", "--no-markdown"):
        with Terminal(tmp_path, "page", *([option] if option != "--markdown" else [])) as terminal:
            assert terminal.end() == 0
            for escape in (b"\x1b]0;", b"\x1b[31m", b"\x1b[2J", b"\x1b[6n", b"\xc2\x9b"):
                assert escape not in terminal.raw
            assert "b" in terminal.text


def test_json_is_no_markdown(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text('{"a": "*b*  _c_", "d": [1, 2]}')
    with Terminal(tmp_path, "page", "--json-mode") as terminal:
        assert terminal.end() == 0
        assert '{"a": "*b*  _c_", "d": [1, 2]}' in terminal.text
