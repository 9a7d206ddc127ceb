"""Ctrl-C and signals at the moments at which a talk could lose what was said."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from .terminal import CTRL_C, ENTER, Terminal

EDITORS = pytest.mark.parametrize("without", ["", "prompt_toolkit"], ids=["prompt_toolkit", "readline"])


@EDITORS
def test_ctrl_c_pressed_again_while_an_answer_closes_loses_nothing_and_leaves_nobody(
    tmp_path: Path, without: str
) -> None:
    with Terminal(tmp_path, "chat", WITHOUT=without) as terminal:
        terminal.say("linger")
        terminal.until("word3")
        terminal.type(CTRL_C)
        terminal.wait((tmp_path / "closing").exists, "that it closes")
        terminal.type(CTRL_C)
        (tmp_path / "now").touch()
        terminal.until("what was said is kept")
        terminal.say("go on")
        terminal.until("of 3")
        terminal.say("/quit")
        assert terminal.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_an_answer_keeps_what_was_said_for_the_next_run(tmp_path: Path, number: signal.Signals) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.say("count")
        terminal.until("word3 ")
        terminal.signal(number)
        assert terminal.end() == 128 + number
    (kept,) = (tmp_path / "xdg_data_home").rglob("conversations/*.json")
    question, partial = json.loads(kept.read_text())["messages"]
    assert question["content"] == "count"
    assert partial["content"].startswith("word0 word1 word2 word3 ")


def test_ctrl_c_at_once_behind_enter_sends_nothing_and_is_not_kept_for_later(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.prompt()
        terminal.type(f"count{ENTER}{CTRL_C}")
        terminal.until("> count\n+> *$")
        terminal.say("hello")
        terminal.until("echo 'hello' of 1")
        assert terminal.messages() == ["hello"]
