"""A provider that is down is left, within a request and by those that come after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.clock import moment
from shunpike.errors import (
    AuthError,
    BadAnswer,
    CreditsExhausted,
    Exhausted,
    Interrupted,
    Overloaded,
    ProviderError,
    RateLimited,
)
from shunpike.plugins import Host
from shunpike.routing.health import Health
from shunpike.routing.trouble import TroublePlace
from shunpike.types import Answer, Billing, Call, Completion, Price, Settings, Verdict
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

START = 1_795_300_000.0
DOWN = [
    Overloaded("no connection", provider="", kind="connection"),
    Overloaded("no answer in time", provider="", kind="timeout"),
    Overloaded("the answer is not JSON", provider="", kind="malformed"),
    Interrupted("the stream broke off", provider=""),
    Overloaded("down", provider="", status=500),
    Overloaded("bad gateway", provider="", status=502, kind="upstream"),
    Overloaded("down", provider="", status=503),
]


def many(name: str, *steps: Any, models: int = 11, **fields: Any) -> ScriptedProvider:
    provider = ScriptedProvider(name, *steps, **fields)
    provider.models = tuple(provider.model(f"m{number:02}") for number in range(models))
    return provider


def client(*providers: ScriptedProvider, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", **settings})
    return Client(made, host=host, clock=VirtualClock(START), environ={})


async def ask(opened: Client, *, streamed: bool = False, **options: Any) -> Completion:
    if not streamed:
        return await opened.complete("hello", **options)
    async with opened.stream("hello", **options) as stream:
        _ = [chunk async for chunk in stream]
    return stream.completion


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("failure", DOWN, ids=lambda error: f"{error.kind} {error.status or ''}")
async def test_a_provider_that_is_down_is_left_for_the_next(failure: ProviderError, *, streamed: bool) -> None:
    first, second = many("first", failure), many("second", answer("two"))
    async with client(first, second) as opened:
        done = await ask(opened, streamed=streamed)
    assert done.text == "two"
    assert len(first.backend.calls) <= 2


async def test_what_was_passed_over_is_in_the_record_with_its_reason() -> None:
    async with client(many("first", DOWN[0], models=3), many("second")) as opened:
        done = await opened.complete("hello")
    told = [(one.verdict, one.reason) for one in done.decision.candidates if one.provider == "first"]
    assert told == [
        (Verdict.FAILED, "connection: no connection"),
        (Verdict.UNUSED, "not tried: its address is in trouble (connection)"),
        (Verdict.UNUSED, "not tried: its address is in trouble (connection)"),
    ]


async def test_every_account_is_reached_whatever_the_first_one_answers() -> None:
    gone = many("first", BadAnswer("the answer is empty", provider=""))
    async with client(gone, *(many(f"p{n}", DOWN[6]) for n in range(5)), many("last", answer("last"))) as opened:
        done = await opened.complete("hello")
    assert done.text == "last"
    assert len(done.attempts) <= 8


async def test_a_short_trouble_is_waited_for_where_nobody_else_is_there() -> None:
    only = many("only", DOWN[6], DOWN[6], answer("back"))
    async with client(only) as opened:
        assert (await opened.complete("hello")).text == "back"
        assert 0.05 <= opened.clock.now() - START <= 8.0, "any time up to a growing bound"


async def test_what_may_have_been_billed_is_not_sent_twice_to_the_same_place() -> None:
    lost = Overloaded("the connection broke", provider="", kind="connection")
    paid = many("paid", lost, billing=Billing.CARD, price=Price.per_million("1", "2"))
    budget = {"amount": {"pico": 10**12}, "period": "day"}
    async with client(paid, allow_paid=True, budgets=[budget]) as opened:
        with pytest.raises(Exhausted):
            await opened.complete("hello")
    assert len(paid.backend.calls) == 1


async def test_the_error_says_what_was_not_tried_and_why() -> None:
    gone = many("first", BadAnswer("the answer is empty", provider=""))
    async with client(gone) as opened:
        with pytest.raises(Exhausted) as caught:
            await opened.complete("hello")
    assert "first (3 models)   not tried: 8 attempts were used" in caught.value.message
    assert "max_attempts" in (caught.value.hint or "")


async def test_others_stay_away_for_a_growing_time_and_one_tests_it() -> None:
    """Sixty calls that come one after the other are not sixty hits."""
    first, second = many("first", DOWN[0]), many("second")
    hits = []
    async with client(first, second) as opened:
        for _ in range(60):
            assert (await opened.complete("hello")).provider == "second"
            hits.append(len(first.backend.calls))
            await opened.clock.sleep(1)
    assert hits[-1] <= 7
    assert hits[10] >= 3


async def test_when_the_time_is_over_one_request_tests_while_the_others_stay_away() -> None:
    class Slow(ScriptedBackend):
        @override
        async def complete(self, call: Call) -> Answer:
            await opened.clock.sleep(0.05)
            return await super().complete(call)

    first, second = many("first", DOWN[0]), many("second")
    first.backend = Slow([DOWN[0]] * 5 + [answer("back")])
    async with client(first, second) as opened:
        for _ in range(7):
            await opened.complete("hello")
        assert len(first.backend.calls) == 5
        await opened.clock.sleep(30)
        texts: list[str] = []

        async def one() -> None:
            texts.append((await opened.complete("hello")).provider)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(one)
        assert sorted(texts) == ["first"] + ["second"] * 9
        assert (await opened.complete("hello")).provider == "first"


@pytest.mark.parametrize("failure", [RateLimited, Overloaded])
async def test_retry_after_nothing_for_ever_is_no_leave_to_hammer(failure: Callable[..., ProviderError]) -> None:
    def refuse(_: Call) -> Answer:
        error = failure("again", provider="only", status=429)
        error.retry_at = opened.clock.now()  # type: ignore[attr-defined]  # both have it
        raise error

    only = many("only", refuse, models=1)
    async with client(only) as opened:
        for _ in range(60):
            with pytest.raises(Exhausted):
                await opened.complete("hello")
        minutes = (opened.clock.now() - START) / 60
    assert len(only.backend.calls) <= 8 + minutes, "each waits for the opening, which is no nearer than a minute soon"


async def test_a_refusal_that_names_no_moment_has_the_same_moment_in_both_errors() -> None:
    only = many("only", RateLimited("slow down", provider="only", status=429), models=1)
    async with client(only) as opened:
        moments = []
        for _ in range(2):
            with pytest.raises(Exhausted) as caught:
                await opened.complete("hello", wait=False)
            moments.append(caught.value.retry_at)
    assert moments == [START + 15, START + 15]
    assert len(only.backend.calls) == 1


@pytest.fixture
def in_kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_kolkata")
async def test_a_refused_key_is_asked_again_after_a_growing_time() -> None:
    refused = AuthError("the key was rejected", provider="only", status=401)
    only = many("only", refused, refused, refused, answer("welcome"), models=3)
    async with client(only) as opened:
        for wait in (29, 59, 119):
            with pytest.raises(Exhausted, match="the key was rejected"):
                await opened.complete("hello")
            seen = len(only.backend.calls)
            again = moment(opened.clock.now() + wait + 1).astimezone()
            await opened.clock.sleep(wait)
            with pytest.raises(Exhausted, match=f"looked at again at {again:%H:%M:%S}\\)"):
                await opened.complete("hello")
            assert len(only.backend.calls) == seen
            await opened.clock.sleep(2)
        assert (await opened.complete("hello")).text == "welcome"


async def test_an_account_without_money_is_closed_and_no_time_is_promised() -> None:
    only = many("only", CreditsExhausted("no credits", provider="only", status=402))
    async with client(only) as opened:
        for _ in range(2):
            with pytest.raises(Exhausted, match="no credits") as caught:
                await opened.complete("hello")
            assert caught.value.retry_at is None
    assert len(only.backend.calls) == 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cap_of_the_requests_own_that_thinking_uses_up_is_not_tried_eight_times(*, streamed: bool) -> None:
    thoughtful = [many(name, answer("", finish="length")) for name in ("first", "second")]
    async with client(*thoughtful) as opened:
        with pytest.raises(BadAnswer, match="all output tokens went into thinking") as caught:
            await ask(opened, streamed=streamed, max_tokens=5)
    assert caught.value.hint == "raise max_tokens above 5, or leave it out"
    assert sum(len(one.backend.calls) for one in thoughtful) == 1


def unset(name: str) -> ScriptedProvider:
    provider = ScriptedProvider(name)
    provider.env_key = f"{name.upper()}_API_KEY"
    return provider


async def test_that_others_have_no_key_is_no_news_where_one_provider_is_asked() -> None:
    others = [unset(name) for name in ("second", "third", "fourth")]
    async with client(ScriptedProvider("first", DOWN[0]), *others) as opened:
        with pytest.raises(Exhausted) as caught:
            await opened.complete("hello", model="first/m", wait=False)
        lines = caught.value.message.splitlines()
        assert [line.strip() for line in lines[1:]] == ["first/m   connection: no connection"]
        with pytest.raises(Exhausted) as caught:
            await opened.complete("hello", wait=False)
    lines = [line.strip() for line in caught.value.message.splitlines()]
    assert lines[1].startswith("first/m   connection: no connection")
    assert lines[2:] == ["second, third, fourth   no key"]


def test_two_models_in_trouble_do_not_close_the_account_of_one_that_answers() -> None:
    """An account is closed for a time of its own, and by what failed since something of it answered."""
    clock = VirtualClock()
    memory, down = Health(clock), Overloaded("down", provider="only", status=503)
    models = {name: TroublePlace(f"only/{name}", "only", "only https://x", "only key") for name in ("a", "b", "well")}
    for _ in range(20):
        for name in ("a", "b"):
            memory.learn(models[name], down, clock.now())
            assert memory.closed_until(models["well"]) is None
            memory.succeeded(models["well"])
            clock.advance(60)
