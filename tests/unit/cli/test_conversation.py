"""``-c``: what was said last goes on, in `ask` and in `chat`; where it is kept, and what that costs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from shunpike.cli.conversation import KEPT, Conversation, last_conversation
from shunpike.errors import BadAnswer, UsageError
from shunpike.types import Message
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli


def said(acme: ScriptedProvider) -> list[list[str]]:
    return [[message.text for message in call.request.messages] for call in acme.backend.calls]


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "xdg_data_home").rglob("conversations/*"))


def talk(folder: Path, text: str) -> Conversation:
    one = Conversation(folder=folder)
    one.said(Message(role="user", content=text), Message(role="assistant", content=text.upper()))
    return one


def test_ask_goes_on_with_what_ask_and_chat_said(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", answer("one"), answer("two"), answer("three"), answer("four"))
    assert cli("ask", "-s", "Be short.", "-m", "acme/m", "first", providers=(acme,)).code == 0
    assert cli("-c", "second", providers=(acme,)).code == 0
    assert cli("chat", "--continue", providers=(acme,), typed="third\n").code == 0
    assert cli("-c", "fourth", "--json", providers=(acme,)).code == 0
    assert said(acme)[-1] == ["Be short.", "first", "one", "second", "two", "third", "three", "fourth"]
    assert {call.model for call in acme.backend.calls} == {"m"}
    (file,) = kept(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_said_now_wins_over_what_was_kept(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    acme.models = (acme.model("m"), acme.model("mini"))
    cli("ask", "-s", "Be short.", "-m", "m", "-p", "acme", "first", providers=(acme,))
    assert cli("-c", "-s", "Be long.", "-m", "mini", "second", providers=(acme,)).code == 0
    assert said(acme)[-1] == ["Be long.", "first", "one", "second"]
    assert acme.backend.calls[-1].model == "mini"


def test_a_talk_that_goes_on_says_from_where(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    cli("ask", "-m", "acme/m", "first", providers=(acme,))
    ran = cli("chat", "-c", providers=(acme,), typed="/quit\n")
    assert "going on after 1 question, with acme/m" in ran.err


def test_without_a_conversation_there_is_nothing_to_go_on_with(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    ran = cli("-c", "first", providers=(acme,))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: there is no conversation to continue\n\nhint: begin one: shunpike chat\n"


@pytest.mark.parametrize("option", ["--no-save", "--batch"])
def test_nothing_is_kept_where_nobody_goes_on_with_it(cli: Cli, tmp_path: Path, option: str) -> None:
    assert cli("ask", option, "first", providers=(ScriptedProvider("acme", answer("one")),)).code == 0
    assert kept(tmp_path) == []


def test_a_question_that_got_no_answer_is_not_kept(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", BadAnswer("nothing", provider="acme"))
    assert cli("ask", "--no-wait", "first", providers=(acme,)).code != 0
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        '{"messages": [{"role": "robot"}]}',
        "\ud800".encode("utf-8", "replace").decode(),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_sent(cli: Cli, tmp_path: Path, text: str) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    cli("ask", "first", providers=(acme,))
    (file,) = kept(tmp_path)
    file.write_text(text)
    ran = cli("-c", "second", providers=(acme,))
    assert ran.code == 2
    assert f"error: {file} is not a conversation: " in ran.err
    assert "hint: delete that file" in ran.err
    assert len(acme.backend.calls) == 1


def test_two_that_go_on_with_the_same_one_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    talk(folder, "first")
    one, other = last_conversation(folder), last_conversation(folder)
    one.said(Message(role="user", content="a"), Message(role="assistant", content="A"))
    other.said(Message(role="user", content="b"), Message(role="assistant", content="B"))
    one.said(Message(role="user", content="c"), Message(role="assistant", content="C"))
    found = {tuple(m["content"] for m in json.loads(file.read_text())["messages"]) for file in folder.iterdir()}
    assert found == {("first", "FIRST", "a", "A", "c", "C"), ("first", "FIRST", "b", "B")}
    assert last_conversation(folder).messages == one.messages


def test_the_oldest_go_when_there_are_many(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for number in range(KEPT + 3):
        made = talk(folder, f"question {number}")
        for file in folder.iterdir():
            if f"question {number}" in file.read_text():
                os.utime(file, (number, number))
        assert made.keep
    texts = " ".join(file.read_text() for file in folder.iterdir())
    assert len(list(folder.iterdir())) == KEPT
    assert "question 3" in texts
    assert "question 2 " not in texts.replace('"', " ")


def test_an_answer_is_given_also_where_nothing_can_be_kept(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHUNPIKE_STORE", "memory:")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    ran = cli("ask", "first", providers=(ScriptedProvider("acme", answer("one")),))
    assert (ran.code, ran.out) == (0, "one\n")
    assert "warning: the conversation can't be kept in" in ran.err
    ran = cli("ask", "first", "--json", providers=(ScriptedProvider("acme", answer("one")),))
    assert (ran.code, ran.err) == (0, "")


def test_a_file_that_disappears_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    talk(folder, "first")
    opened = last_conversation(folder)
    for file in folder.iterdir():
        file.unlink()
    opened.said(Message(role="user", content="a"), Message(role="assistant", content="A"))
    assert len(last_conversation(folder).messages) == 4
    with pytest.raises(UsageError, match="no conversation"):
        last_conversation(tmp_path / "nowhere")
