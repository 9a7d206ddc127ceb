"""A talk at a terminal, with prompt_toolkit and, where it is not installed, with readline."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from .terminal import (
    ALT_ENTER,
    CTRL_C,
    CTRL_D,
    CTRL_R,
    CTRL_W,
    END,
    ENTER,
    HOME,
    LEFT,
    RIGHT,
    SCRIPT,
    TAB,
    UP,
    Terminal,
)

EDITORS = pytest.mark.parametrize("without", ["", "prompt_toolkit"], ids=["prompt_toolkit", "readline"])


def books(folder: Path) -> dict[str, object]:
    done = subprocess.run([sys.executable, SCRIPT, "usage", "--json"], cwd=folder, capture_output=True, check=True)
    (row,) = json.loads(done.stdout)["data"]
    return dict(row)


@EDITORS
def test_a_line_is_edited_with_the_usual_keys(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type(f"abc def{CTRL_W}xyz{LEFT}{LEFT}_{HOME}1{RIGHT}-{END}2")
        terminal.until("1a-bc x_yz2")
        terminal.type(ENTER)
        terminal.until("echo '1a-bc x_yz2' of 1")
        terminal.prompt()
        terminal.type(CTRL_D)
        assert terminal.end() == 0


@EDITORS
def test_what_was_typed_comes_back_in_the_next_run_without_a_key(
    tmp_path: Path, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_API_KEY", "sk-0123456789abcdef")
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.say("it is sk-0123456789abcdef, is it?")
        terminal.until("of 1")
        terminal.say("second")
        terminal.until("of 3")
        terminal.say("/quit")
        assert terminal.end() == 0
    (file,) = (tmp_path / "xdg_data_home").rglob("chat_history")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "0123456789abcdef" not in file.read_text()
    (kept,) = (tmp_path / "xdg_data_home").rglob("conversations/*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "0123456789abcdef" not in kept.read_text()
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type(UP + UP)
        terminal.until("> second")
        terminal.type(UP)
        terminal.until(r"> it is \*\*\*, is it\?")


@EDITORS
def test_a_paste_of_several_lines_is_one_message(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.paste("/usr/bin/x:\n  two \\\n\nthree")
        terminal.until("three")
        terminal.type(ENTER)
        terminal.until("of 1")
        assert terminal.messages() == ["/usr/bin/x:\n  two \\\n\nthree"]


@EDITORS
def test_alt_enter_a_backslash_and_three_quotes_break_lines(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type(f"a{ALT_ENTER}b{ENTER}")
        terminal.until("of 1")
        terminal.prompt()
        terminal.type(f"c\\{ENTER}d{ENTER}")
        terminal.until("of 3")
        terminal.prompt()
        terminal.type(f'"""{ENTER}e\\{ENTER}/f{ENTER}"""{ENTER}')
        terminal.until("of 5")
        assert terminal.messages() == ["a\nb", "c\nd", "e\\\n/f"]


@EDITORS
def test_tab_completes_commands_models_and_files(tmp_path: Path, without: str) -> None:
    (tmp_path / "notes.txt").write_text("Remember the milk.")
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type(f"/mod{TAB}")
        terminal.until("> /model")
        terminal.type(CTRL_C)
        terminal.prompt()
        terminal.type(f"/model acme/mi{TAB}")
        terminal.until("> /model acme/mini")
        terminal.type(ENTER)
        terminal.until("model: acme/mini")
        terminal.prompt()
        terminal.type(f"/attach no{TAB}")
        terminal.until("> /attach notes.txt")
        terminal.type(ENTER)
        terminal.until("goes with the next message")
        terminal.say("What?")
        terminal.until("of 1")
        assert terminal.messages() == ["--- notes.txt ---\nRemember the milk.\n--- end of notes.txt ---\n\nWhat?"]
        assert terminal.asked()[0]["model"] == "mini"


@EDITORS
def test_ctrl_r_searches_what_was_typed(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.say("the first one")
        terminal.until("of 1")
        terminal.say("another")
        terminal.until("of 3")
        terminal.prompt()
        terminal.type(f"{CTRL_R}fir")
        terminal.until(r"search.*fir.*the first one|> the first one\s+I-search backward: fir")
        # Enter takes what was found, in readline any key that moves does.
        terminal.type(f"{'' if without else ENTER}{END}!")
        terminal.until("> the first one!")
        terminal.type(ENTER)
        terminal.until("of 5")
        assert terminal.messages()[-1] == "the first one!"


@EDITORS
def test_ctrl_c_in_an_answer_keeps_what_was_said_and_settles_it(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.say("count")
        terminal.until("word3 ")
        terminal.type(CTRL_C)
        terminal.until("what was said is kept")
        terminal.say("go on")
        terminal.until("of 3")
        terminal.say("/quit")
        assert terminal.end() == 0
        question, partial, _ = terminal.asked()[1]["messages"]
        assert question["content"] == "count"
        assert partial["role"] == "assistant"
        assert partial["content"].startswith("word0 word1 word2 word3 ")
    row = books(tmp_path)
    assert (row["requests"], row["held"]) == (2, 0)


@EDITORS
def test_ctrl_c_at_the_prompt_clears_the_line_and_ctrl_d_ends(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type("never mind")
        terminal.until("> never mind")
        terminal.type(CTRL_C)
        terminal.prompt()
        terminal.type(CTRL_D)
        assert terminal.end() == 0
        assert terminal.asked() == []


@EDITORS
def test_sigterm_at_the_prompt_ends_it_and_leaves_the_terminal_as_it_was(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        before = terminal.modes()
        terminal.prompt()
        terminal.type("unsent")
        terminal.until("> unsent")
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 143
        assert "Traceback" not in terminal.text
        after = terminal.modes()
        assert (after[3] & (termios.ECHO | termios.ICANON)) == (before[3] & (termios.ECHO | termios.ICANON))


@EDITORS
def test_bytes_that_are_no_text_are_told_and_not_sent(tmp_path: Path, without: str) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type_bytes(b"a\xffb\r")
        terminal.until("is not UTF-8 text")
        assert "Traceback" not in terminal.text
        assert terminal.asked() == []


@EDITORS
def test_a_line_survives_a_window_of_another_width(tmp_path: Path, without: str) -> None:
    text = " ".join(f"w{number}" for number in range(30))
    with Terminal(tmp_path, "chat", columns=120, WITHOUT=without) as terminal:
        terminal.prompt()
        terminal.type(text)
        terminal.until("w29")
        terminal.resize(60, 24)
        terminal.type(f"{HOME}!{END}.")
        terminal.until(r"w29\.")
        terminal.type(ENTER)
        terminal.until("of 1")
        assert terminal.messages() == [f"!{text}."]


@pytest.mark.parametrize("answering", [True, False])
@EDITORS
def test_a_window_that_is_closed_ends_the_talk_and_settles_it(tmp_path: Path, without: str, answering: bool) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.say("count" if answering else "hello")
        terminal.until("word3 " if answering else "of 1")
        if not answering:
            terminal.prompt()
        assert terminal.close() == 128 + signal.SIGHUP
    row = books(tmp_path)
    assert (row["requests"], row["held"]) == (1, 0)


def test_ctrl_c_pressed_again_and_again_stops_one_answer_only(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.say("count")
        terminal.until("word3 ")
        terminal.type(CTRL_C)
        terminal.until("what was said is kept")
        terminal.prompt()
        terminal.type(CTRL_C)
        terminal.type(CTRL_C)
        terminal.say("go on")
        terminal.until("of 3")


def test_without_any_editor_lines_are_read_as_they_come(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", WITHOUT="prompt_toolkit readline") as terminal:
        terminal.say("hello")
        terminal.until("echo 'hello' of 1")
        terminal.prompt()
        terminal.type(CTRL_D)
        assert terminal.end() == 0


def test_nothing_at_all_opens_a_talk_on_a_terminal(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.say("hello")
        terminal.until("echo 'hello' of 1")


def test_a_dumb_terminal_gets_no_escapes(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", TERM="dumb") as terminal:
        terminal.say("hello")
        terminal.until("echo 'hello' of 1")
        terminal.prompt()
        terminal.type(CTRL_D)
        assert terminal.end() == 0
        assert b"\x1b[" not in terminal.raw.replace(b"\x1b[?2004h", b"").replace(b"\x1b[?2004l", b"")
