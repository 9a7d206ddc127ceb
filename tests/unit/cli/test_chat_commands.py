"""What begins with a slash, each command, and what is sent again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.cli.chat.commands import command_of
from shunpike.errors import BadAnswer, UsageError
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli


def prompts(acme: ScriptedProvider) -> list[list[str]]:
    return [[message.text for message in call.request.messages] for call in acme.backend.calls]


def test_help_names_every_command(cli: Cli) -> None:
    ran = cli("chat", providers=(ScriptedProvider("acme"),), typed="/help\n/?\n/quit\n")
    assert ran.code == 0
    for command in ("/model", "/system", "/attach", "/retry", "/clear", "/save", "/usage", "/help", "/quit"):
        assert ran.out.count(f"{command} ") == 2


@pytest.mark.parametrize("leave", ["/quit", "/exit", "/q", " /quit "])
def test_leaving_sends_nothing_more(cli: Cli, leave: str) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    assert cli("chat", providers=(acme,), typed=f"{leave}\nfirst\n").code == 0
    assert acme.backend.calls == []


def test_a_misspelt_command_is_told_with_the_nearest_and_not_sent(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    ran = cli("chat", providers=(acme,), typed="/modle m\n/clear all\n/attach\n//clear\n/etc/passwd is what?\n")
    assert 'there is no command "/modle". Did you mean "/model"?' in ran.err
    assert "to send it as a message: //modle" in ran.err
    assert '/clear takes nothing, got "all"' in ran.err
    assert "/attach takes a file" in ran.err
    assert [said[-1] for said in prompts(acme)] == ["/clear", "/etc/passwd is what?"]


@pytest.mark.parametrize("text", ["/* a comment */", "/usr/bin", "/", "/ x", "/Model x", "a /quit", "//quit"])
def test_what_only_looks_like_a_command_is_a_message(text: str) -> None:
    assert command_of(text) is None


def test_another_command_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="/nonsense"):
        command_of("/nonsense\nmore lines")


def test_model_changes_who_is_asked_and_refuses_what_nobody_offers(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    acme.models = (acme.model("m"), acme.model("mini"))
    ran = cli("chat", providers=(acme,), typed="/model\n/model acme/mimi\n/model mini\nfirst\n")
    assert "model: auto\n" in ran.err
    assert 'there is no model "acme/mimi". Did you mean "acme/mini"?' in ran.err
    assert "model: mini\n" in ran.err
    assert [call.model for call in acme.backend.calls] == ["mini"]


def test_system_says_how_to_answer_from_now_on(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"), answer("two"), answer("three"))
    ran = cli("chat", providers=(acme,), typed="first\n/system Be short.\nsecond\n/system -\nthird\n/system\n")
    assert prompts(acme) == [
        ["first"],
        ["Be short.", "first", "one", "second"],
        ["first", "one", "second", "two", "third"],
    ]
    assert ran.err.endswith("system: -\n> \n")


def test_clear_begins_anew_and_keeps_the_system_message(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    cli("chat", "-s", "Be short.", providers=(acme,), typed="first\n/clear\nsecond\n")
    assert prompts(acme) == [["Be short.", "first"], ["Be short.", "second"]]


def test_save_writes_what_was_said_and_never_over_a_file(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    ran = cli("chat", providers=(acme,), typed="/save a.md\nfirst\n/save a.md\n/save a.md\n/save no/a.md\n/save\n")
    assert (tmp_path / "a.md").read_text() == "## You\n\nfirst\n\n## Answer\n\none\n"
    assert (tmp_path / "a.md").stat().st_mode & 0o777 == 0o600
    assert "nothing was said yet" in ran.err
    assert "error: a.md is there already" in ran.err
    assert "error: No such file or directory: no/a.md" in ran.err
    assert len(list(tmp_path.glob("shunpike-chat-*.md"))) == 1


def test_usage_adds_up_the_session(cli: Cli) -> None:
    ran = cli("chat", providers=(ScriptedProvider("acme", answer("one")),), typed="/usage\na\nb\n/usage\n")
    assert "nothing was used yet" in ran.err
    assert "2 answers · 20 tokens · $0.00" in ran.out


def test_a_failed_message_is_sent_again_and_no_two_questions_stand_in_a_row(cli: Cli) -> None:
    acme = ScriptedProvider(
        "acme", answer("one"), BadAnswer("nothing", provider="acme"), answer("two"), answer("three")
    )
    acme.models = (acme.model("m"),)
    ran = cli("chat", "--no-wait", providers=(acme,), typed="/retry\nfirst\nsecond\n/retry\n/retry\n")
    assert "nothing was said yet" in ran.err
    assert "/retry sends it again" in ran.err
    assert prompts(acme) == [
        ["first"],
        ["first", "one", "second"],
        ["first", "one", "second"],
        ["first", "one", "second"],
    ]
    (kept,) = (tmp for tmp in Path.cwd().rglob("conversations/*.json"))
    assert [one["content"] for one in json.loads(kept.read_text())["messages"]] == ["first", "one", "second", "three"]


def test_a_message_after_a_failed_one_follows_the_last_answer(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"), BadAnswer("nothing", provider="acme"), answer("two"))
    cli("chat", "--no-wait", providers=(acme,), typed="first\nsecond\nthird\n")
    assert prompts(acme)[-1] == ["first", "one", "third"]


def test_the_options_of_ask_work_in_a_talk(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer('{"a": 1}'))
    options = ("--json-mode", "--max-tokens", "50", "-o", "seed", "7", "-m", "m", "-q")
    ran = cli("chat", *options, providers=(acme,), typed="x\n")
    assert (ran.code, ran.out) == (0, '{"a": 1}\n')
    assert "tokens" not in ran.err
    (call,) = acme.backend.calls
    assert (call.request.max_tokens, call.request.seed) == (50, 7)
    assert call.request.json_mode == "json_object"


def test_several_lines_of_a_pipe_may_be_one_message(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    cli("chat", providers=(acme,), stdin='a\\\nb\n"""\nc\n\nd\n"""\ne\\')
    assert [said[-1] for said in prompts(acme)] == ["a\nb", "c\n\nd", "e\\"]
