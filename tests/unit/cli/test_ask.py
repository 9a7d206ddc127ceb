from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.errors import AuthError, Interrupted, Overloaded, QuotaExhausted, RequestError
from shunpike.types import Calendar, Chunk, Limit, Rolling, Unit, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

DAILY = Limit(unit=Unit.REQUEST, amount=1000, window=Calendar(period="day"))


def test_the_answer_goes_to_stdout_and_the_footer_to_stderr(cli: Cli) -> None:
    ran = cli("What is it?", providers=(ScriptedProvider("acme", answer("A road."), limits=(DAILY,)),))
    assert (ran.code, ran.out) == (0, "A road.\n")
    assert ran.err.startswith("\nacme/m · 10 tokens · $0.00 · ")
    assert ran.err.endswith(" s · 999 of 1,000 left today\n")


def test_the_word_ask_may_be_left_out_and_words_need_no_quotes(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer())
    for arguments in (("ask", "Why", "so?"), ("Why", "so?"), ("why", "so?"), ("-s", "Be short.", "Why so?")):
        assert cli(*arguments, providers=(acme,)).code == 0
    prompts = [call.request.messages[-1].text for call in acme.backend.calls]
    assert prompts == ["Why so?", "Why so?", "why so?", "Why so?"]
    assert acme.backend.calls[-1].request.messages[0].role == "system"


def test_what_is_piped_in_stands_before_the_question(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer())
    cli("-s", "Write a commit message", "In English.", providers=(acme,), stdin="+ one line\n")
    cli(providers=(acme,), stdin="only this\n")
    texts = [call.request.messages[-1].text for call in acme.backend.calls]
    assert texts == ["+ one line\n\nIn English.", "only this"]


@pytest.mark.parametrize("arguments", [("",), ("ask",), ("ask", "  "), ("--json", "")])
@pytest.mark.parametrize("stdin", [None, "", "\n \n"])
def test_an_empty_prompt_is_a_usage_error(cli: Cli, arguments: tuple[str, ...], stdin: str | None) -> None:
    ran = cli(*arguments, providers=(ScriptedProvider("acme"),), stdin=stdin)
    assert (ran.code, ran.out) == (2, "")
    assert "the prompt is empty" in ran.err


def test_options_reach_the_provider(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("{}"))
    ran = cli(
        "-m",
        "acme/m",
        "--max-tokens",
        "5",
        "--temperature",
        "0.5",
        "--json-mode",
        "--no-stream",
        "Hi there",
        providers=(acme,),
    )
    assert ran.code == 0, ran.err
    request = acme.backend.calls[0].request
    assert (request.model, request.max_tokens, request.temperature) == ("acme/m", 5, 0.5)
    assert request.response_format == {"type": "json_object"}


def test_a_session_is_one_conversation_whatever_is_asked_in_it(cli: Cli) -> None:
    acme, keys = ScriptedProvider("acme", answer()), []
    for session, question in (("monday", "Hi"), ("monday", "Where to?"), ("tuesday", "Hi")):
        ran = cli("ask", "--json", "--session", session, question, providers=(acme,))
        keys.append(json.loads(ran.out)["decision"]["affinity"]["key"])
    assert keys[0] == keys[1] != keys[2]


def test_a_schema_comes_from_a_file(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", answer('{"a": 1}'))
    (tmp_path / "my book.json").write_text('{"type": "object", "properties": {"a": {"type": "integer"}}}')
    assert cli("--schema", "my book.json", "Go on", providers=(acme,)).code == 0
    form = acme.backend.calls[0].request.response_format
    assert form is not None
    assert form["json_schema"]["name"] == "my_book"
    assert form["json_schema"]["schema"]["type"] == "object"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--schema", "nowhere.json"), "--schema nowhere.json: No such file"),
        (("--schema", "bad.json"), "--schema bad.json is not JSON"),
        (("--schema", "list.json"), "--schema list.json holds no JSON object"),
        (("--schema", "list.json", "--json-mode"), "ask for different things"),
        (("--timeout", "soon"), '--timeout must be a span of time above 0 and at most 36500d, got "soon"'),
        (("--timeout", "0s"), '--timeout must be a span of time above 0 and at most 36500d, got "0s"'),
        (("--temperature", "3"), '--temperature must be at most 2, got "3"'),
        (("--temperature", "-1"), '--temperature must be at least 0, got "-1"'),
        (("--max-tokens", "0"), '--max-tokens must be at least 1, got "0"'),
        (("--max-tokens", "few"), '--max-tokens must be a whole number, got "few"'),
        (("--tempo", "3"), "no such option: --tempo"),
        (("-p", "acne"), 'there is no provider called "acne". Did you mean "acme"?'),
        (("-m", "nothing-like-it"), "nothing-like-it"),
        (("--strategy", "magic"), "magic"),
    ],
)
def test_a_wrong_option_is_named_with_the_next_step(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    ran = cli(*arguments, "Go on", providers=(ScriptedProvider("acme"),))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert "\n\nhint: " in ran.err


def test_a_simulated_answer_is_labelled_in_text_and_footer(cli: Cli) -> None:
    box = ScriptedProvider("box", answer("A road."))
    box.simulated = True
    real = ScriptedProvider("acme")
    real.env_key = "ACME_API_KEY"
    for extra in ((), ("--no-stream",)):
        ran = cli("What is it?", *extra, providers=(box, real))
        assert (ran.code, ran.out) == (0, "[sandbox] A road.\n"), ran.err
        assert "[sandbox] box/m" in ran.err
        assert "hint: add a free provider: shunpike keys set acme" in ran.err


def test_thinking_goes_to_stderr(cli: Cli) -> None:
    end = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=1, completion_tokens=1))
    ran = cli("Go on", providers=(ScriptedProvider("acme", [Chunk(reasoning="Hmm."), Chunk(text="Yes"), end]),))
    assert ran.out == "Yes\n"
    assert ran.err.startswith("Hmm.\n\nacme/m")


def test_quiet_leaves_the_footer_out(cli: Cli) -> None:
    assert cli("-q", "Go on", providers=(ScriptedProvider("acme", answer("x")),)).err == ""


def test_nothing_is_coloured_when_nobody_watches(cli: Cli) -> None:
    ran = cli("Go on", providers=(ScriptedProvider("acme", answer("x")),))
    assert "\x1b" not in ran.out + ran.err


def test_json_is_one_object_with_the_whole_story(cli: Cli) -> None:
    acme = ScriptedProvider("acme", Overloaded("busy", provider="acme", status=503))
    ran = cli("--json", "Go on", providers=(acme, ScriptedProvider("other", answer("Yes"))))
    told = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert (told["text"], told["provider"], told["cost"], told["simulated"]) == ("Yes", "other", "0", False)
    assert [attempt["error"] for attempt in told["decision"]["attempts"]] == ["overloaded", None]


def test_json_leaves_out_candidates_that_nobody_tried_unless_all_are_wanted(cli: Cli) -> None:
    acme = ScriptedProvider("acme", Overloaded("busy", provider="acme", status=503))
    providers = (acme, ScriptedProvider("other", answer("Yes")), ScriptedProvider("third"))
    decision = json.loads(cli("--json", "Go on", providers=providers).out)["decision"]
    assert [(one["provider"], one["verdict"]) for one in decision["candidates"]] == [
        ("acme", "failed"),
        ("other", "answered"),
    ]
    assert decision["untried"] == 1
    whole = json.loads(cli("ask", "--json", "--all", "Go on", providers=providers).out)["decision"]
    assert {one["provider"] for one in whole["candidates"]} == {"acme", "other", "third"}


def test_a_refused_request_names_the_provider(cli: Cli) -> None:
    ran = cli("Go on", providers=(ScriptedProvider("acme", RequestError("no such role", provider="acme", status=400)),))
    assert (ran.code, ran.out) == (2, "")
    assert "no such role" in ran.err


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([Overloaded("busy", provider="x")], 6),
        ([AuthError("bad key", provider="x", status=401)], 4),
        ([AuthError("bad key", provider="x"), Overloaded("busy", provider="x")], 6),
    ],
)
def test_the_exit_code_tells_why_nobody_answered(cli: Cli, failures: list[Exception], code: int) -> None:
    providers = tuple(ScriptedProvider(f"p{place}", failure) for place, failure in enumerate(failures))
    ran = cli("Go on", providers=providers)
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert "no provider can answer right now" in ran.err


def test_a_rejected_key_is_exit_4_for_all_models_of_its_provider(cli: Cli) -> None:
    acme = ScriptedProvider("acme", AuthError("bad key", provider="acme", status=401))
    acme.models = (acme.model("a"), acme.model("b"))
    assert cli("Go on", providers=(acme,)).code == 4


def test_a_used_up_quota_is_exit_5_and_names_the_moment(cli: Cli) -> None:
    spent = QuotaExhausted("daily limit reached", provider="acme", status=429)
    spent.reset_at = 4_102_444_800.0
    ran = cli("--json", "Go on", providers=(ScriptedProvider("acme", spent),))
    assert (ran.code, ran.out) == (5, "")
    error = json.loads(ran.err)["error"]
    assert (error["type"], error["code"], error["exit_code"]) == ("rate_limit_error", "exhausted", 5)
    assert error["retry_at"] == "2100-01-01T00:00:00+00:00"
    assert error["attempts"][0] | {"ms": 0} == {
        "provider": "acme",
        "model": "m",
        "status": 429,
        "code": "quota",
        "ms": 0,
    }


def test_no_provider_at_all_is_exit_4(cli: Cli) -> None:
    ran = cli("Go on")
    assert ran.code == 4
    assert "hint: " in ran.err


def test_a_stream_that_breaks_keeps_what_came_and_says_so(cli: Cli) -> None:
    broken: list[Chunk | Exception] = [Chunk(text="Half"), Interrupted("the stream ended early", provider="acme")]
    ran = cli("Go on", providers=(ScriptedProvider("acme", broken),))
    assert (ran.code, ran.out) == (6, "Half\n")
    assert "error: acme/m: the stream ended early" in ran.err


def test_an_exhausted_request_is_told_with_every_candidate(cli: Cli) -> None:
    once = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=3600))
    acme = ScriptedProvider("acme", answer(), limits=(once,))
    assert cli("Go on", providers=(acme,)).code == 0
    ran = cli("Go on", providers=(acme,))
    assert ran.code == 5
    assert "acme/m" in ran.err
    assert "1 request / 3600 s" in ran.err


@pytest.mark.parametrize("extra", [(), ("--no-stream",), ("-q",)])
def test_json_from_the_sandbox_is_json_and_labelled_on_stderr(cli: Cli, tmp_path: Path, extra: tuple[str, ...]) -> None:
    box = ScriptedProvider("box", answer('{"a": 1}'))
    box.simulated = True
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    for shape in (("--json-mode",), ("--schema", "schema.json")):
        ran = cli("What is it?", *shape, *extra, providers=(box,))
        assert ran.code == 0, ran.err
        assert json.loads(ran.out) == {"a": 1}
        assert ran.err.startswith("[sandbox] no model wrote this")


def test_a_refused_key_is_told_with_the_name_of_its_provider_and_only_once(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-0123456789abcdef")
    acme = ScriptedProvider("acme", AuthError("refused", provider="acme", status=401))
    acme.env_key = "ACME_API_KEY"
    both = (acme, ScriptedProvider("other", answer("Yes.")))
    first, second = cli("Go on", providers=both), cli("Go on", providers=both)
    assert (first.out, second.out) == ("Yes.\n", "Yes.\n")
    assert "1 fall-over: acme refused its key" in first.err
    assert "fall-over" not in second.err
    assert len(acme.backend.calls) == 1
