from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shunpike.errors import BadAnswer
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli
from .terminal import SCRIPT


def prompts(acme: ScriptedProvider) -> list[list[str]]:
    return [[message.text for message in call.request.messages] for call in acme.backend.calls]


def test_a_conversation_remembers_what_was_said(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"), answer("two"))
    ran = cli("chat", "-s", "Be short.", providers=(acme,), typed="first\n\nsecond\n/exit\nnever\n")
    assert (ran.code, ran.out) == (0, "one\ntwo\n")
    assert prompts(acme) == [["Be short.", "first"], ["Be short.", "first", "one", "second"]]
    assert ran.err.count("acme/m · 10 tokens") == 2


def test_the_end_of_the_input_leaves(cli: Cli) -> None:
    ran = cli("chat", providers=(ScriptedProvider("acme", answer("one")),), stdin="first\n")
    assert (ran.code, ran.out) == (0, "one\n")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_message_that_is_no_text_is_refused_and_the_talk_goes_on(tmp_path: Path, errors: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "chat"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": f"utf-8:{errors}"},
        input=b"a\xff\nb\n",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"echo 'b' of 1\n")
    assert b"error: the message is not UTF-8 text" in done.stderr


def test_a_pipe_is_utf8_whatever_the_code_page_and_its_byte_order_mark_is_no_part_of_a_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "chat"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        input="\ufeff/model acme/m\nünï\n".encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.decode()) == (0, "echo 'ünï' of 1\n")
    assert b"model: acme/m" in done.stderr


def test_forgetting_starts_anew(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("one"))
    cli("chat", providers=(acme,), typed="first\n/new\nsecond\n")
    assert prompts(acme) == [["first"], ["second"]]


def test_a_failed_turn_is_told_and_forgotten_and_the_talk_goes_on(cli: Cli) -> None:
    acme = ScriptedProvider("acme", BadAnswer("nothing", provider="acme"))
    other = ScriptedProvider("other", BadAnswer("nothing", provider="other"), answer("fine"))
    ran = cli("chat", "-p", "other", providers=(acme, other), typed="first\nsecond\n/quit\n")
    assert ran.code == 0
    assert "error: no provider can answer right now" in ran.err
    assert acme.backend.calls == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("first\n", 6),
        ("first\nsecond\n/quit\n", 6),
        ("first\n/retry\n", 0),
        ("/nosuch\n", 2),
        ("/help\n", 0),
    ],
)
def test_of_a_pipe_what_got_no_answer_is_told_by_the_exit_code_as_ask_does(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, said: str, code: int
) -> None:
    monkeypatch.setenv("SHUNPIKE_MAX_ATTEMPTS", "1")
    acme = ScriptedProvider("acme", BadAnswer("nothing", provider="acme"), answer("fine"))
    assert cli("chat", "-q", providers=(acme,), stdin=said).code == code


def test_a_misspelt_provider_ends_the_talk_before_it_begins(cli: Cli) -> None:
    ran = cli("chat", "-p", "acne", providers=(ScriptedProvider("acme"),), typed="first\n")
    assert (ran.code, ran.out) == (2, "")
    assert 'Did you mean "acme"?' in ran.err
