"""The planner alone: from a request and what its caller wishes to what routing walks."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.config import KeyStore
from shunpike.errors import ConfigError, NoCredential, UnknownModel, UnknownProvider, UsageError
from shunpike.plugins import Host
from shunpike.routing.context import RequestContext
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.wishes import Wishes
from shunpike.types import Cause, ChatRequest, EmbedRequest, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider


def runtime_of(*providers: ScriptedProvider, **settings: Any) -> Runtime:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", **settings})
    return Runtime(made, host, VirtualClock(), None, {}, KeyStore())


def chat(text: str = "hello", **fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"messages": [{"role": "user", "content": text}], **fields})


async def planned(runtime: Runtime, request: ChatRequest | EmbedRequest, **wishes: Any) -> RequestContext:
    async with runtime.request() as snapshot:
        if isinstance(request, EmbedRequest):
            return await runtime.planner.embedding(snapshot, request, Wishes(**wishes))
        return await runtime.planner.chat(snapshot, request, Wishes(**wishes))


def names(context: RequestContext) -> list[str]:
    return [target.label for target in context.plan.targets]


async def test_who_is_asked_and_in_which_order_is_the_settings_word() -> None:
    runtime = runtime_of(ScriptedProvider("a"), ScriptedProvider("b"), order=("b",))
    assert names(await planned(runtime, chat())) == ["b/m", "a/m"]


async def test_what_the_caller_wishes_stands_before_the_settings() -> None:
    runtime = runtime_of(ScriptedProvider("a"), ScriptedProvider("b"), timeout=100, wait=True, min_output=7)
    plain = await planned(runtime, chat())
    assert (plain.expires_mono, plain.waits, plain.strict, plain.tag) == (100.0, True, False, None)
    assert (plain.priority, plain.min_output, plain.waiter.place.arrival) == ("interactive", 7, 1)
    wished = await planned(
        runtime, chat(), providers=("b",), timeout=3.0, wait=False, strict=True, tag="docs", priority="batch"
    )
    assert names(wished) == ["b/m"]
    assert (wished.expires_mono, wished.waits, wished.strict, wished.tag) == (3.0, False, True, "docs")
    assert (wished.priority, wished.waiter.place.arrival) == ("batch", 2)


async def test_two_requests_have_two_names() -> None:
    runtime = runtime_of(ScriptedProvider("a"))
    first, second = [await planned(runtime, chat()) for _ in range(2)]
    assert first.request_id != second.request_id


async def test_names_come_from_a_source_so_that_a_simulation_gives_the_same_ones_again() -> None:
    runtime = runtime_of(ScriptedProvider("a"))
    runtime.planner.new_id = map("sim_{}".format, count(1)).__next__
    contexts = [await planned(runtime, chat()), await planned(runtime, chat(user="u"), request_id="mine")]
    contexts.append(await planned(runtime, chat()))
    assert [one.request_id for one in contexts] == ["sim_1", "mine", "sim_2"]
    assert [(one.first_attempt, one.user) for one in contexts] == [(1, None), (1, "u"), (1, None)]


async def test_a_prompt_is_counted_for_plans_and_bounded_for_money() -> None:
    context = await planned(runtime_of(ScriptedProvider("a")), chat("many words " * 50))
    assert 0 < context.prompt_tokens <= context.prompt_bound
    assert context.tokens(context.plan.targets[0]) == context.prompt_tokens


@pytest.mark.parametrize(
    ("model", "providers", "error", "words"),
    [
        ("nobody/m", None, UnknownModel, "nobody"),
        ("auto", ("nobody",), UnknownProvider, "nobody"),
        ("a/x", None, UnknownModel, "x"),
    ],
)
async def test_a_name_that_nobody_has_is_said_to_be_unknown(
    model: str, providers: tuple[str, ...] | None, error: type[UsageError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await planned(runtime_of(ScriptedProvider("a")), chat(model=model), providers=providers)


async def test_a_section_without_a_plugin_is_named_in_the_place_of_an_unknown_provider() -> None:
    runtime = runtime_of(ScriptedProvider("a"), providers={"gone": {}})
    with pytest.raises(ConfigError, match=r"providers\.gone: no installed plugin"):
        await planned(runtime, chat(), providers=("gone",))


async def test_a_provider_without_a_key_leaves_nobody_to_ask() -> None:
    only = ScriptedProvider("a")
    only.env_key = "A_KEY"
    with pytest.raises(NoCredential, match="no provider has a key: a"):
        await planned(runtime_of(only), chat())


async def test_a_prompt_that_fits_nowhere_is_the_request_s_own_mistake() -> None:
    with pytest.raises(UsageError, match="more than the widest context"):
        await planned(runtime_of(ScriptedProvider("a")), chat("word " * 200_000))


async def test_a_strategy_that_nobody_has_is_a_mistake_of_the_call_or_of_the_settings() -> None:
    with pytest.raises(UsageError, match='called "luck"'):
        await planned(runtime_of(ScriptedProvider("a")), chat(), strategy="luck")
    with pytest.raises(ConfigError, match='called "luck"'):
        await planned(runtime_of(ScriptedProvider("a"), strategy="luck"), chat())


async def test_vectors_are_planned_for_one_model_that_is_named() -> None:
    maker = ScriptedProvider("a")
    maker.models = (maker.model("m"), maker.model("v").model_copy(update={"kind": "embedding"}))
    runtime = runtime_of(maker)
    context = await planned(runtime, EmbedRequest(model="a/v", input=("one", "two")))
    assert names(context) == ["a/v"]
    for wrong, words in (("auto", "names no model"), ("a/m", "is a chat model")):
        with pytest.raises(UsageError, match=words):
            await planned(runtime, EmbedRequest(model=wrong, input=("one",)))


async def test_a_plan_tells_why_the_others_were_left_out() -> None:
    off = ScriptedProvider("b")
    runtime = runtime_of(ScriptedProvider("a"), off, providers={"b": {"enabled": False}})
    (dropped,) = (await planned(runtime, chat())).plan.dropped
    assert (dropped.provider, dropped.cause) == ("b", Cause.OFF)
