"""Wrong calls of the Python interface: each is one error of ours that names the value and the next step, unsent.

The tables are in ``wrong_calls.py``.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import shunpike
from shunpike import Client, Message, UsageError
from shunpike.errors import UnknownModel, UnknownProvider
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import MakeClient
from .wrong_calls import CLIENTS, EMBEDS, HI, KEY, OPTIONS, PROMPTS


async def _whole(client: Client, prompt: Any, options: dict[str, Any]) -> None:
    await client.complete(prompt, **options)


async def _streamed(client: Client, prompt: Any, options: dict[str, Any]) -> None:
    async with client.stream(prompt, **options):
        pass


async def _counted(client: Client, prompt: Any, options: dict[str, Any]) -> None:
    await client.count_tokens(prompt, **options)


Way = Callable[[Client, Any, dict[str, Any]], Awaitable[None]]


def check(error: UsageError, said: str, hint: str) -> None:
    assert said in error.message
    assert error.hint is not None
    assert hint in error.hint
    assert "\n" not in error.message
    assert len(error.message) < 200
    assert KEY not in str(error) + repr(error)
    assert error.__cause__ is None


WAYS: tuple[Way, ...] = (_whole, _streamed, _counted)


@pytest.mark.parametrize(("options", "said", "hint"), OPTIONS, ids=[name for row in OPTIONS for name in row[0]])
async def test_a_wrong_option_is_one_error_that_names_it_and_the_next_step(
    make_client: MakeClient, options: dict[str, Any], said: str, hint: str
) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        for way in WAYS:
            with pytest.raises(UsageError) as caught:
                await way(client, "hello", options)
            check(caught.value, said, hint)
    assert only.backend.calls == []


@pytest.mark.parametrize(("prompt", "said", "hint"), PROMPTS, ids=[row[1][:30] for row in PROMPTS])
async def test_a_wrong_prompt_is_one_error_that_names_its_place_and_the_next_step(
    make_client: MakeClient, prompt: Callable[[], Any], said: str, hint: str
) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        for way in WAYS:
            with pytest.raises(UsageError) as caught:
                await way(client, prompt(), {})
            check(caught.value, said, hint)
    assert only.backend.calls == []


@pytest.mark.parametrize(("texts", "options", "said", "hint"), EMBEDS)
async def test_a_wrong_call_of_embed_is_one_error_that_names_the_value_and_the_next_step(
    make_client: MakeClient, texts: Any, options: dict[str, Any], said: str, hint: str
) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        with pytest.raises(UsageError) as caught:
            await client.embed(texts, **options)
    check(caught.value, said, hint)
    assert only.backend.calls == []


@pytest.mark.parametrize(("make", "said", "hint"), CLIENTS, ids=lambda value: "")
def test_a_client_made_wrongly_is_one_error_that_names_the_argument(
    make: Callable[[], object], said: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    check(caught.value, said, hint)


async def test_a_call_without_a_prompt_says_so(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError, match="the prompt is empty"):
            await client.complete()
        with pytest.raises(UsageError, match="no option 'messages'"):
            await client.complete(messages=HI)  # type: ignore[call-arg]
        with pytest.raises(UsageError, match="there is no text to embed"):
            await client.embed(model="only/m")


@pytest.mark.parametrize("at", ["today", None, math.nan, True, datetime(2026, 11, 21, tzinfo=UTC)])
async def test_a_span_of_usage_is_given_in_epoch_seconds(make_client: MakeClient, at: Any) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        for span, name in (((at, 1.0), "since"), ((0.0, at), "until")):
            with pytest.raises(UsageError, match=f"{name} must be a point in time, got ") as caught:
                await client.usage(*span)
            assert "timestamp()" in str(caught.value.hint)


async def test_names_of_providers_to_look_at_are_names(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        for look in (client.live_models, client.balances):
            for names in (5, [5], b"only", True):
                with pytest.raises(UsageError, match="names must be a name or a list of names") as caught:
                    await look(names)  # type: ignore[operator]
                assert caught.value.hint
            with pytest.raises(UnknownProvider, match='"onyl"'):
                await look("onyl")


async def test_names_that_nobody_has_are_refused_with_the_nearest(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UnknownProvider, match="onyl") as provider:
            await client.complete("hi", providers="onyl")
        with pytest.raises(UnknownModel, match="gtp-oss") as model:
            await client.complete("hi", model="gtp-oss")
        with pytest.raises(UsageError, match="prioriti") as strategy:
            await client.complete("hi", strategy="prioriti")
    assert all(caught.value.hint for caught in (provider, model, strategy))


@pytest.mark.parametrize("call", [shunpike.ask, lambda *a, **o: next(shunpike.stream_sync(*a, **o))])
def test_the_functions_of_the_module_refuse_what_a_client_refuses(
    call: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no option 'messages'"):
        call(messages=HI)
    for options, said, hint in OPTIONS[:13]:
        with pytest.raises(UsageError) as caught:
            call("hi", **options)
        check(caught.value, said, hint)


@pytest.mark.parametrize("call", [shunpike.stream, shunpike.stream_sync, shunpike.SyncClient().stream])
def test_a_mistake_in_a_call_for_a_stream_is_told_at_the_call(
    call: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told at the first chunk, far from where it stood."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no option 'modle'"):
        call("hi", modle=1)
    with pytest.raises(UsageError, match="the prompt is empty"):
        call("")


async def test_an_option_that_is_none_counts_as_not_given(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    names = shunpike.Options.__annotations__
    async with make_client(only) as client:
        await client.complete("hi", **dict.fromkeys(names))
    sent = only.backend.calls[0].request
    assert sent.model_dump(exclude_none=True, exclude_unset=True, exclude={"messages"}) == {}


async def test_one_provider_and_a_span_of_time_are_taken_as_they_are_written(make_client: MakeClient) -> None:
    first, second = ScriptedProvider("first"), ScriptedProvider("second")
    async with make_client(first, second) as client:
        done = await client.complete("hi", providers="second", timeout="30s", wait=True, temperature=Decimal("0.5"))  # type: ignore[arg-type]
        assert (await client.complete("hi", providers=iter(["second"]), timeout="5m")).provider == "second"  # type: ignore[arg-type]
        assert (await client.complete("hi", timeout=Decimal("2.5"))).provider == "first"  # type: ignore[arg-type]
    assert done.provider == "second"


async def test_what_only_a_provider_knows_is_passed_on_in_extra_and_in_a_whole_body(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        await client.complete("hi", extra={"top_k": 40, "service_tier": "flex"})
        await client.complete({"messages": HI, "top_k": 40, "temperature": None})
    for call in only.backend.calls:
        assert call.request.model_extra == {"top_k": 40}
    assert only.backend.calls[0].request.service_tier == "flex"


async def test_messages_may_come_from_any_series_of_them(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")

    def series() -> Iterator[Message]:
        yield Message(role="user", content="hi")

    async with make_client(only) as client:
        for prompt in (series(), tuple(HI), {"messages": "hi"}, {"messages": tuple(HI)}):
            await client.complete(prompt)
    assert {call.request.messages[0].text for call in only.backend.calls} == {"hi"}


async def test_what_comes_without_a_name_behind_the_prompt_is_refused(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        calls: tuple[Callable[[], Any], ...] = (
            lambda: client.complete("hi", "only/m"),  # type: ignore[arg-type]
            lambda: client.stream("hi", "only/m").__aenter__(),  # type: ignore[arg-type]
            lambda: client.count_tokens("hi", "only/m"),  # type: ignore[arg-type]
            lambda: client.embed("hi", "only/m"),  # type: ignore[arg-type]
            lambda: shunpike.ask("hi", "only/m"),  # type: ignore[arg-type]
        )
        for call in calls:
            with pytest.raises(UsageError) as caught:
                await call()
            check(caught.value, "only the first argument has no name, got also 'only/m'", 'model="…"')
    assert only.backend.calls == []


async def test_a_closed_client_says_so_and_opens_nothing(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        assert repr(client) == "<Client open>"
        await client.complete("hi")
    assert repr(client) == "<Client closed>"
    calls: tuple[Callable[[], Any], ...] = (
        lambda: client.complete("hi"),
        lambda: client.stream("hi").__aenter__(),
        lambda: client.embed("hi", model="only/m"),
        lambda: client.count_tokens("hi"),
        client.live_models,
        client.balances,
        client.discover,
        lambda: client.probe("only"),
    )
    for call in calls:
        with pytest.raises(UsageError) as caught:
            await call()
        check(caught.value, "the client is closed", "Client()")
    await client.aclose()
    assert len(only.backend.calls) == 1


async def test_a_name_that_nobody_has_and_what_is_no_answer_are_refused(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UnknownProvider, match="Did you mean 'only'"):
            client.check_setup("onyl")
        with pytest.raises(UnknownProvider, match="Did you mean 'only'"):
            await client.probe("onyl")
        with pytest.raises(UsageError, match="done must be an answer of this library, got 5"):
            await client.settled(5)  # type: ignore[type-var]
        with pytest.raises(UsageError, match=r"until must be at or after since \(5\), got 1"):
            await client.usage(5, 1)
