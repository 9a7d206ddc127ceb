"""What a person sees of answers that are cut, of those that are none, and of waiting."""

from __future__ import annotations

import json
import sys

import pytest

from shunpike.errors import Interrupted
from shunpike.types import Chunk, EmbedAnswer, EmbedCall, Limit, Rolling, Unit, Usage
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from .conftest import Cli


class Vectors(ScriptedBackend):
    """A backend that turns texts into vectors."""

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        found = tuple((0.5,) for _ in call.request.input)
        return EmbedAnswer(model=call.model, vectors=found, usage=Usage(prompt_tokens=4))


CUT = answer("once upon a", finish="length")


@pytest.mark.parametrize("more", [(), ("--no-stream",), ("--quiet",)])
def test_a_cut_answer_warns_on_stderr_and_succeeds(cli: Cli, more: tuple[str, ...]) -> None:
    ran = cli("a story", "--max-tokens", "5", *more, providers=(ScriptedProvider("only", CUT),))
    assert (ran.code, ran.out) == (0, "once upon a\n")
    assert "warning: the answer was cut off at 5 output tokens: by max_tokens" in ran.err


def test_a_cut_answer_says_so_in_json(cli: Cli) -> None:
    ran = cli("a story", "--max-tokens", "5", "--json", providers=(ScriptedProvider("only", CUT),))
    found = json.loads(ran.out)
    assert found["finish_reason"] == "length"
    assert found["warnings"] == ["the answer was cut off at 5 output tokens: by max_tokens"]


def test_an_answer_of_thinking_alone_is_an_error(cli: Cli) -> None:
    usage = Usage(prompt_tokens=7, completion_tokens=99)
    chunks = [Chunk(reasoning="hm", model="m"), Chunk(finish_reason="length", usage=usage)]
    ran = cli("a story", "--max-tokens", "99", providers=(ScriptedProvider("only", chunks),))
    assert (ran.code, ran.out) == (6, "")
    assert "all output tokens went into thinking" in ran.err
    assert "hint: raise max_tokens above 99" in ran.err


def test_who_does_not_want_to_wait_is_told_at_once_when_it_opens(cli: Cli) -> None:
    minute = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=600))
    only = ScriptedProvider("only", limits=[minute])
    assert cli("hello", providers=(only,)).code == 0
    ran = cli("hello", "--no-wait", "--timeout", "1h", providers=(only,))
    assert ran.code == 5
    assert "1 request / 600 s   free again" in ran.err


SHORT = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=0.5))
LONG = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=2.6))


@pytest.mark.parametrize(
    ("limit", "terminal", "more", "said"),
    [
        (LONG, False, (), True),
        (SHORT, False, (), False),
        (SHORT, True, (), True),
        (SHORT, True, ("--json",), True),
        (LONG, False, ("--json",), False),
        (SHORT, True, ("--quiet",), False),
    ],
)
def test_a_wait_is_said_on_stderr_to_a_person_or_where_it_is_long(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, limit: Limit, terminal: bool, more: tuple[str, ...], said: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    only = ScriptedProvider("only", limits=[limit])
    assert cli("hello", *more, providers=(only,)).code == 0
    ran = cli("hello", *more, providers=(only,))
    assert ran.code == 0
    assert (f"waiting for only: {limit.text}, opens in " in ran.err) is said


@pytest.mark.parametrize(
    ("limit", "terminal", "more", "said"),
    [(LONG, False, (), True), (SHORT, True, ("--json",), True), (SHORT, True, ("-q",), False)],
)
def test_embed_says_a_wait_as_ask_does(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, limit: Limit, terminal: bool, more: tuple[str, ...], said: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    entry = ScriptedProvider("only", limits=[limit]).model("e").model_copy(update={"kind": "embedding"})
    only = ScriptedProvider("only", models=[entry])
    only.backend = Vectors([answer()])
    assert cli("embed", "hello", "-m", "only/e", *more, providers=(only,)).code == 0
    ran = cli("embed", "hello", "-m", "only/e", *more, providers=(only,))
    assert ran.code == 0
    assert (f"waiting for only: {limit.text}, opens in " in ran.err) is said


def test_a_stream_that_breaks_off_names_who_failed_and_what_to_do(cli: Cli) -> None:
    """It was told by its address alone, without a next step, as a mistake of no kind."""
    broken = [Chunk(text="once upon"), Interrupted("only: the stream broke off before its end", provider="only")]
    ran = cli("a story", providers=(ScriptedProvider("only", broken),))
    assert (ran.code, ran.out.strip()) == (6, "once upon")
    assert "error: only/m: the stream broke off before its end" in ran.err
    assert "hint: ask again" in ran.err


def test_a_stream_that_the_deadline_ends_says_how_to_give_it_more_time(cli: Cli) -> None:
    late = [Chunk(text="once upon"), Interrupted("only: no end within 3.0 s", provider="only", kind="timeout")]
    ran = cli("a story", providers=(ScriptedProvider("only", late),))
    assert (ran.code, ran.out.strip()) == (6, "once upon")
    assert "hint: give it more time: --timeout 10m" in ran.err
