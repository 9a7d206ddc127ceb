"""Ctrl-C and signals at the moments at which a talk could lose what was said."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from typing_extensions import override

from shunpike.cli.chat.completion import Completer
from shunpike.cli.chat.history import History
from shunpike.cli.chat.loop import talk_on
from shunpike.cli.chat.toolkit import ToolkitLines

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


def test_ctrl_c_held_down_breaks_into_no_part_of_the_editor_and_leaves_nobody(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.prompt()
        for _ in range(40):
            terminal.type(CTRL_C)
        terminal.say("hello")
        terminal.until("echo 'hello' of 1")
        assert "Traceback" not in terminal.raw.decode()
        assert "Warning" not in terminal.raw.decode()


def press(*_arguments: object) -> None:
    signal.raise_signal(signal.SIGINT)


class _Pressing(io.StringIO):
    """A terminal at which Ctrl-C is pressed the first ten times that something is written."""

    presses = 10

    @override
    def write(self, text: str) -> int:
        if self.presses:
            self.presses -= 1
            press()
        return super().write(text)


def test_ctrl_c_pressed_while_the_talk_goes_to_a_new_line_is_kept_and_leaves_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lines:
        reads = 0

        def read(self) -> str | None:
            self.reads += 1
            if self.reads < 3:
                raise KeyboardInterrupt
            monkeypatch.undo()
            return None

    lines: Any = Lines()
    talk: Any = type("Talk", (), {"left": False})
    monkeypatch.setattr(sys, "stderr", _Pressing())
    before = signal.getsignal(signal.SIGINT)
    talk_on(talk, lines)
    assert lines.reads == 3
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ToolkitLines, PipeInput]]:
    monkeypatch.setattr(History, "add", lambda _self, _entry: None)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield ToolkitLines(History(), Completer((), tuple)), keys


def test_ctrl_c_pressed_before_the_editor_reads_keys_breaks_nothing(
    editor: tuple[ToolkitLines, PipeInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, keys = editor
    made = asyncio.events.new_event_loop

    def pressed() -> asyncio.AbstractEventLoop:
        press()
        return made()

    monkeypatch.setattr(asyncio.events, "new_event_loop", pressed)
    keys.send_text("hello\r")
    assert lines.read() == "hello"


def test_ctrl_c_pressed_while_the_editor_closes_stops_the_message(
    editor: tuple[ToolkitLines, PipeInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, keys = editor
    monkeypatch.setattr(History, "add", press)
    keys.send_text("hello\r")
    with pytest.raises(KeyboardInterrupt):
        lines.read()
    monkeypatch.undo()
    keys.send_text("again\r")
    assert lines.read() == "again"
