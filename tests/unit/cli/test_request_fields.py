"""``-o``: fields of a request by name."""

from __future__ import annotations

import pytest

from shunpike.cli.request_fields import fields, names, paired
from shunpike.errors import UsageError
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli


def test_a_field_is_given_in_two_words_or_in_one(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    ran = cli(
        "ask", "-o", "temperature", "0.5", "hi", "-o", "seed=7", "--option", "stop", '["a", "b"]', providers=(acme,)
    )
    assert ran.code == 0, ran.err
    request = acme.backend.calls[0].request
    assert (request.temperature, request.seed, request.stop) == (0.5, 7, ("a", "b"))
    assert request.messages[0].text == "hi"


def test_what_stands_behind_two_dashes_is_no_option() -> None:
    assert paired(["-o", "a", "1", "--", "-o", "b", "2"]) == ["-o", "a=1", "--", "-o", "b", "2"]
    assert paired(["-o", "a=b=c", "-o"]) == ["-o", "a=b=c", "-o"]
    assert paired(["-o", "a"]) == ["-o", "a"]


def test_what_shunpike_does_not_know_is_passed_on_under_extra(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    assert cli("ask", "-o", "extra.top_k", "40", "-o", "extra.mode=fast", "hi", providers=(acme,)).code == 0
    assert acme.backend.calls[0].request.model_extra == {"top_k": 40, "mode": "fast"}


WRONG = {
    "temprature=1": 'does not know "temprature". Did you mean "temperature"?',
    "temperature": 'takes a name and a value, got only "temperature"',
    "temperature=hot": '-o temperature must be a number, got "hot"',
    "temperature=3": '-o temperature must be at most 2, got "3"',
    "max_tokens=0": '-o max_tokens must be at least 1, got "0"',
    "max_tokens=1.5": "-o max_tokens must be a whole number",
    "model=m": '-o does not take "model", which has an option of its own',
    "timeout=5": '-o does not take "timeout", which has an option of its own',
    "n=2": 'does not know "n"',
    "=1": 'does not know ""',
    "extra.=1": 'does not know "extra."',
    "api_key=sk-1": 'does not know "api_key"',
}


@pytest.mark.parametrize("text", sorted(WRONG))
def test_a_wrong_field_is_named_and_nothing_is_sent(cli: Cli, text: str) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    for command in ("ask", "chat"):
        ran = cli(command, "-o", text, providers=(acme,), stdin="hi\n")
        assert (ran.code, ran.out) == (2, "")
        assert WRONG[text] in ran.err
        assert "\nhint: " in ran.err
    assert acme.backend.calls == []


def test_a_field_that_has_an_option_is_not_given_twice() -> None:
    assert fields(["top_p=0.5"]) == {"top_p": 0.5}
    assert "temperature" in names()


def test_two_ways_to_say_the_same_are_refused(cli: Cli) -> None:
    ran = cli("ask", "--temperature", "1", "-o", "temperature", "1", "hi", providers=(ScriptedProvider("acme"),))
    assert ran.code == 2
    assert "temperature is given twice" in ran.err


def test_text_that_looks_like_a_number_stays_text_where_text_is_meant() -> None:
    with pytest.raises(UsageError, match="seed"):
        fields(["seed=[1]"])
    assert fields(["stop=1"]) == {"stop": "1"}
