"""The way of a request: plan, admit, send, settle, check, next."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import (
    AuthError,
    Exhausted,
    NoCredential,
    NotHere,
    Overloaded,
    RateLimited,
    RequestError,
    UnknownModel,
    UnknownProvider,
    UsageError,
)
from shunpike.types import Billing, Completion, Limit, Price, Rolling, Unit, Usage, Verdict
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient


def outcome(done: Completion, provider: str) -> str:
    return next(one.verdict for one in done.decision.candidates if one.provider == provider)


async def test_the_first_in_order_answers_and_the_record_says_so(make_client: MakeClient) -> None:
    first, second = ScriptedProvider("first", answer("one")), ScriptedProvider("second")
    async with make_client(first, second) as client:
        done = await client.complete("hello")
    assert (done.text, done.provider, done.model) == ("one", "first", "m")
    assert outcome(done, "first") is Verdict.ANSWERED
    assert outcome(done, "second") is Verdict.UNUSED
    assert [one.error for one in done.attempts] == [None]
    assert done.usage == Usage(prompt_tokens=7, completion_tokens=3)
    assert done.request_id.startswith("req_")
    assert second.backend.calls == []


@pytest.mark.parametrize(
    "failure",
    [
        Overloaded("busy", provider="first", status=503),
        RateLimited("slow down", provider="first", status=429),
        AuthError("the key was rejected", provider="first", status=401),
        NotHere("no such model", provider="first", status=404),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failure_falls_over_to_the_next(make_client: MakeClient, failure: Exception) -> None:
    first, second = ScriptedProvider("first", failure), ScriptedProvider("second", answer("two"))
    async with make_client(first, second) as client:
        done = await client.complete("hello")
        used = await client.usage(0, START * 2)
    assert done.provider == "second"
    assert outcome(done, "first") is Verdict.FAILED
    assert [one.error for one in done.attempts][1] is None
    assert sum(row.held for row in used) == 0


async def test_a_refused_request_is_not_retried_elsewhere(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", RequestError("temperature too high", provider="first", status=400))
    second = ScriptedProvider("second")
    async with make_client(first, second) as client:
        with pytest.raises(RequestError, match="temperature too high") as caught:
            await client.complete("hello")
    assert caught.value.request_id
    assert second.backend.calls == []


@pytest.mark.parametrize(
    ("text", "finish", "kind"), [("", "stop", "empty"), ("  \n", "stop", "empty"), ("", "length", "truncated")]
)
async def test_an_answer_without_text_is_a_failure(make_client: MakeClient, text: str, finish: str, kind: str) -> None:
    """What was charged for it stays charged."""
    first, second = ScriptedProvider("first", answer(text, finish=finish)), ScriptedProvider("second")
    async with make_client(first, second) as client:
        done = await client.complete("hello")
        rows = {row.provider: row for row in await client.usage(0, START * 2)}
    assert done.provider == "second"
    assert done.attempts[0].error == kind
    assert rows["first"].completion_tokens == 3


async def test_json_that_is_none_falls_over(make_client: MakeClient) -> None:
    first, second = ScriptedProvider("first", answer("Sure! {")), ScriptedProvider("second", answer('{"a": 1}'))
    async with make_client(first, second) as client:
        done = await client.complete("a?", response_format={"type": "json_object"})
    assert done.provider == "second"
    assert done.attempts[0].error == "schema_invalid"


async def test_when_all_fail_the_error_lists_each_with_its_reason(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", Overloaded("busy", provider="first", status=503))
    late = RateLimited("slow down", provider="second", status=429)
    late.retry_at = START + 40
    second = ScriptedProvider("second", late)
    async with make_client(first, second) as client:
        with pytest.raises(Exhausted, match="first/m   503 overloaded: busy") as caught:
            await client.complete("hello", wait=False)
    assert "second/m   429 rate_limited: slow down" in caught.value.message
    assert caught.value.retry_at == START + 40
    assert len(caught.value.decision.attempts) == 2


async def test_a_limit_is_respected_before_anything_is_sent(make_client: MakeClient) -> None:
    two_a_minute = Limit(unit=Unit.REQUEST, amount=2, window=Rolling(seconds=60))
    first, second = ScriptedProvider("first", limits=[two_a_minute]), ScriptedProvider("second")
    async with make_client(first, second) as client:
        providers = [(await client.complete("hello")).provider for _ in range(4)]
    assert providers == ["first", "first", "second", "second"]
    assert len(first.backend.calls) == 2


async def test_a_closed_limit_opens_again_with_time(make_client: MakeClient) -> None:
    once = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
    only = ScriptedProvider("only", limits=[once])
    async with make_client(only) as client:
        await client.complete("hello")
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello", wait=False)
        assert caught.value.quota_only
        assert caught.value.retry_at is not None
        await client.clock.sleep(caught.value.retry_at - client.clock.now())
        await client.complete("hello")
    assert len(only.backend.calls) == 2


async def test_a_paid_provider_is_not_asked_unless_money_is_allowed(make_client: MakeClient) -> None:
    paid = ScriptedProvider("paid", billing=Billing.CARD, price=Price.per_million("1", "2"))
    async with make_client(paid) as client:
        with pytest.raises(Exhausted, match="costs money, and allow_paid is off"):
            await client.complete("hello")
    assert paid.backend.calls == []


async def test_free_comes_before_paid_whatever_the_order(make_client: MakeClient) -> None:
    price = Price.per_million("1", "2")
    paid = ScriptedProvider("paid", answer("paid"), billing=Billing.CARD, price=price)
    free = ScriptedProvider("free", answer("free"), Overloaded("busy", provider="free"))
    budget = {"amount": {"pico": 10**12}, "period": "day"}
    async with make_client(paid, free, allow_paid=True, budgets=[budget]) as client:
        assert (await client.complete("hello")).text == "free"
        done = await client.complete("hello")
    assert done.text == "paid"
    assert done.cost == price.of(done.usage)
    assert bool(done.cost)


async def test_an_unknown_price_is_refused_not_zero(make_client: MakeClient) -> None:
    paid = ScriptedProvider("paid", billing=Billing.CARD, price=None)
    budget = {"amount": {"pico": 10**12}, "period": "day"}
    async with make_client(paid, allow_paid=True, budgets=[budget]) as client:
        with pytest.raises(Exhausted, match="price"):
            await client.complete("hello")
    assert paid.backend.calls == []


async def test_a_rejected_key_is_not_tried_again(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", AuthError("the key was rejected", provider="first", status=401))
    async with make_client(first, ScriptedProvider("second")) as client:
        await client.complete("hello")
        await client.complete("hello")
    assert len(first.backend.calls) == 1


async def test_a_provider_in_trouble_goes_last_until_it_cools_down(make_client: MakeClient) -> None:
    """It takes five failures in a row; the moment that a failure names counts at once."""
    first = ScriptedProvider("first", *[Overloaded("busy", provider="first")] * 5, answer("back"))
    async with make_client(first, ScriptedProvider("second", answer("two"))) as client:
        for _ in range(7):
            assert (await client.complete("hello")).text == "two"
        assert len(first.backend.calls) == 5
        await client.clock.sleep(30)
        assert (await client.complete("hello")).text == "back"


async def test_every_attempt_carries_an_output_cap(make_client: MakeClient) -> None:
    """What the caller names, else the model's own maximum."""
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        await client.complete("hello")
        await client.complete("hello", max_tokens=5)
        await client.complete("hello", max_tokens=10**6)
    assert [call.max_output for call in only.backend.calls] == [8_000, 5, 8_000]


async def test_only_the_named_providers_are_asked(make_client: MakeClient) -> None:
    first, second = ScriptedProvider("first"), ScriptedProvider("second")
    async with make_client(first, second) as client:
        done = await client.complete("hello", providers=["second"])
        with pytest.raises(UnknownProvider, match='"secnd". Did you mean "second"'):
            await client.complete("hello", providers=["secnd"])
    assert done.provider == "second"


async def test_without_a_key_the_variable_is_named(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    only.env_key = "ONLY_API_KEY"
    async with make_client(only) as client:
        with pytest.raises(NoCredential, match="set ONLY_API_KEY") as caught:
            await client.complete("hello")
    assert caught.value.exit_code == 4


async def test_a_sandbox_answers_only_where_nothing_real_is_set_up(make_client: MakeClient) -> None:
    play = ScriptedProvider("play", answer("[sandbox] hi"))
    play.simulated = True
    real = ScriptedProvider("real", Overloaded("busy", provider="real"))
    real.env_key = "REAL_API_KEY"
    async with make_client(play, real) as client:
        done = await client.complete("hello")
        assert done.simulated
    async with make_client(play, real, environ={"REAL_API_KEY": "0123456789abcdef"}) as client:
        with pytest.raises(Exhausted):
            await client.complete("hello")
        assert (await client.complete("hello", providers=["play"])).simulated


async def test_a_prompt_larger_than_every_context_says_how_large(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError, match=r"the widest context of any candidate: 100,000\nhint"):
            await client.complete("word " * 200_000)


@pytest.mark.parametrize("prompt", ["", "   ", [], [{"role": "user", "content": ""}]])
async def test_an_empty_prompt_is_a_usage_error(make_client: MakeClient, prompt: object) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError):
            await client.complete(prompt)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": 9}, "temperature must be at most 2, got 9"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"max_tokens": "many"}, "max_tokens must be a whole number, got 'many'"),
        ({"n": 200}, "n must be at most 128, got 200"),
        ({"tools": {}}, "tools must be a list, got {}"),
        ({"wait": "no"}, "wait must be true or false, got 'no'"),
        ({"strict": 2}, "strict must be true or false, got 2"),
    ],
)
async def test_a_wrong_option_names_the_field_what_was_expected_and_the_value(
    make_client: MakeClient, options: dict[str, Any], said: str
) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError) as caught:
            await client.complete("hello", **options)
    assert caught.value.message == said


async def test_closing_the_client_closes_its_backends(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    client: Client = make_client(only)
    async with client:
        await client.complete("hello")
    await client.aclose()
    assert only.backend.closed


async def test_a_deprecated_model_is_retired_when_its_day_has_come(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    old = {"status": "deprecated", "successor": "m"}
    gone = only.model("gone").model_copy(update={**old, "retired_on": date(2026, 11, 21)})
    going = only.model("going").model_copy(update={**old, "retired_on": date(2026, 11, 22)})
    only.models = (*only.models, gone, going)
    async with make_client(only) as client:
        assert (await client.complete("hello", model="going")).decision.candidates[0].model == "going"
        with pytest.raises(UnknownModel, match='"gone" was retired on 2026-11-21'):
            await client.complete("hello", model="gone")


async def test_a_bad_key_takes_one_line_however_many_models_it_closes(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", AuthError("the key was rejected", provider="only", status=401))
    only.models = tuple(only.model(f"m{number}") for number in range(9))
    async with make_client(only) as client:
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello")
    assert caught.value.message.count("the key was rejected") == 2
    assert "only (8 models)   auth: the key was rejected" in caught.value.message


async def test_what_was_refused_before_it_was_sent_is_no_request(make_client: MakeClient) -> None:
    """The provider never saw it, so its books and ours agree only when it is not counted."""
    first = ScriptedProvider("first", NotHere("can't do that", provider="first", kind="unsupported"))
    async with make_client(first, ScriptedProvider("second")) as client:
        done = await client.complete("hello")
        rows = {row.provider: row for row in await client.usage(0, START * 2)}
    assert done.attempts[0].error == "unsupported"
    assert "first" not in rows or rows["first"].requests == 0
    assert rows["second"].requests == 1
