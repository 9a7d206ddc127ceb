"""Sixty wrong calls: each one typed error on stderr that names the value and the next step, and nothing on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

WRONG: list[tuple[tuple[str, ...], int, str]] = [
    # no such thing
    (("provdiers",), 2, "provdiers"),
    (("model",), 2, '"model"'),
    (("--nonsense",), 2, "--nonsense"),
    (("ask", "--nonsense", "hi"), 2, "--nonsense"),
    (("ask", "--modle", "m", "hi"), 2, "--modle"),
    (("-p", "acmee", "hi"), 2, "acmee"),
    (("-m", "nothing-like-it", "hi"), 2, "nothing-like-it"),
    (("-m", "acme", "hi"), 2, '"acme"'),
    (("-m", "acme/nothing", "hi"), 2, "acme/nothing"),
    (("--strategy", "fastest", "hi"), 2, "fastest"),
    (("embed", "-m", "nothing-like-it", "hi"), 2, "nothing-like-it"),
    (("models", "-p", "acmee"), 2, "acmee"),
    (("models", "--live", "-p", "acmee"), 2, "acmee"),
    (("balance", "-p", "acmee"), 2, "acmee"),
    (("keys", "set", "acmee"), 2, "acmee"),
    (("keys", "rm", "acmee"), 2, "acmee"),
    (("keys", "sett", "acme"), 2, "sett"),
    (("config", "shw"), 2, "shw"),
    (("sandbox", "srv"), 2, "srv"),
    (("limits", "clear", "nobody"), 2, "nobody"),
    (("chat", "-p", "acmee"), 2, "acmee"),
    (("help", "provdiers"), 2, "provdiers"),
    # a value that can't be
    (("--max-tokens", "0", "hi"), 2, "--max-tokens"),
    (("--max-tokens", "-5", "hi"), 2, "--max-tokens"),
    (("--max-tokens", "many", "hi"), 2, "many"),
    (("--max-tokens", "1.5", "hi"), 2, "1.5"),
    (("--temperature", "3", "hi"), 2, "--temperature"),
    (("--temperature", "warm", "hi"), 2, "warm"),
    (("--timeout", "0", "hi"), 2, '"0"'),
    (("--timeout", "soon", "hi"), 2, '"soon"'),
    (("--timeout", "-5s", "hi"), 2, '"-5s"'),
    (("--timeout", "5 weeks", "hi"), 2, '"5 weeks"'),
    (("--timeout", "99999999d", "hi"), 2, '"99999999d"'),
    (("--tag", "x" * 65, "hi"), 2, "tag"),
    (("embed", "-m", "m", "--dimensions", "0", "hi"), 2, "--dimensions"),
    (("embed", "-m", "m", "--dimensions", "big", "hi"), 2, "big"),
    (("embed", "-m", "m", "--timeout", "never", "hi"), 2, '"never"'),
    (("demo", "--requests", "0"), 2, "--requests"),
    (("demo", "--requests", "many"), 2, "many"),
    (("demo", "--concurrency", "0"), 2, "--concurrency"),
    (("demo", "--faults", "1"), 2, "--faults"),
    (("sandbox", "serve", "--port", "99999"), 2, "--port"),
    (("sandbox", "serve", "--port", "http"), 2, "http"),
    (("usage", "--days", "none"), 2, "--days"),
    # something is missing
    (("",), 2, "empty"),
    (("ask",), 2, "empty"),
    (("embed", "-m", "m", " "), 2, "text"),
    (("embed", "hi"), 2, "--model"),
    (("--max-tokens",), 2, "--max-tokens"),
    (("keys", "set"), 2, "NAME"),
    (("keys", "rm"), 2, "NAME"),
    (("keys", "set", "acme"), 2, "acme"),
    (("catalog", "diff"), 2, "diff"),
    # two things that exclude each other, or too much
    (("--json-mode", "--schema", "s.json", "hi"), 2, "--schema"),
    (("--schema", "missing.json", "hi"), 2, "missing.json"),
    (("--schema", "broken.json", "hi"), 2, "broken.json"),
    (("--schema", "list.json", "hi"), 2, "list.json"),
    (("--schema", ".", "hi"), 2, "--schema"),
    (("models", "--everything"), 2, "--everything"),
    (("config", "path", "extra"), 2, "extra"),
    (("doctor", "--offline"), 2, "--offline"),
    (("keys", "set", "acme", "sk-0123456789"), 2, "a key is never an argument"),
    (("keys", "set", "acme=sk-0123456789"), 2, "a key is never an argument"),
]


def test_there_are_sixty_of_them() -> None:
    assert len(WRONG) >= 60


@pytest.mark.parametrize(("arguments", "code", "named"), WRONG)
def test_a_wrong_call_is_one_typed_error_with_its_value_and_the_next_step(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], code: int, named: str
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "s.json").write_text("{}")
    acme = ScriptedProvider("acme", answer())
    ran = cli(*arguments, providers=(acme,))
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.count("error: ") == 1
    assert named in ran.err
    assert "sk-0123456789" not in ran.err
    assert "\nhint: " in ran.err
    assert "Traceback" not in ran.err
    assert acme.backend.calls == []
    again = cli(*arguments, "--json", providers=(acme,))
    if again.code == code and again.err.startswith("{"):
        error = json.loads(again.err)["error"]
        assert (error["exit_code"], again.out) == (code, "")
        assert error["hint"]


@pytest.mark.parametrize("arguments", [("ask", "hi", "-o"), ("models", "-p"), ("usage", "--days")])
def test_an_option_without_its_value_points_to_the_help_of_its_command(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert f"hint: shunpike {arguments[0]} --help" in ran.err
