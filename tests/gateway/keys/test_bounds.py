"""A key's budgets, limits and models hold for what is asked with it, in the ledger's own transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.plugins import Host
from shunpike.runtime.wishes import Wishes
from shunpike.types import (
    AliasTarget,
    Budget,
    ChatRequest,
    Chunk,
    Held,
    Limit,
    ModelAlias,
    Money,
    Price,
    Rolling,
    Settings,
    Unit,
    Usage,
)
from shunpike_gateway.caller_bounds import bounded, may_use
from shunpike_gateway.exchange import ApiFailure, Caller
from shunpike_testkit.scripted import ScriptedProvider, answer

from ..running import AsgiAnswer, InProcessGateway  # noqa: TID252 - the tests are no package
from .making import CHAT, HELLO, bearer, keep, make

pytestmark = pytest.mark.anyio
TWICE = Limit(unit=Unit.REQUEST, amount=2, window=Rolling(seconds=3600))


REQUEST = ChatRequest.model_validate(HELLO)


def scripted(settings: Settings, step: Any, **options: Any) -> InProcessGateway:
    """A gateway over one provider that answers with ``step``, for ever."""
    host = Host()
    host.register(builtin, "builtin")
    host.register(ScriptedProvider("acme", step, **options), "acme")
    return InProcessGateway(Settings(store="memory:", wait=False, gateway=settings.gateway), host=host)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[InProcessGateway]:
    """A gateway whose requests wait for nothing."""
    alias = ModelAlias(targets=(AliasTarget(model="auto"),))
    async with InProcessGateway(settings.model_copy(update={"wait": False, "models": {"fast": alias}})) as running:
        yield running


async def asked(gateway: InProcessGateway, key: str, **body: Any) -> AsgiAnswer:
    return await gateway.post(CHAT, {**HELLO, **body}, bearer(key))


async def test_a_limit_of_a_key_holds_for_it_and_for_no_other(gateway: InProcessGateway) -> None:
    ann, _ = await make(gateway, "ann", limits=(TWICE,))
    bob, _ = await make(gateway, "bob", limits=(TWICE,))
    told = await asyncio.gather(*(asked(gateway, ann) for _ in range(6)))
    assert sorted(one.status for one in told) == [200, 200, 429, 429, 429, 429]
    assert (await asked(gateway, bob)).status == 200
    streamed = await asked(gateway, ann, stream=True)
    assert streamed.status == 429
    # Whoever has a client key can set up nothing here.
    assert "ask whoever runs this" in streamed.json()["error"]["hint"]
    assert "shunpike" not in streamed.json()["error"]["hint"]


async def test_as_many_run_at_a_time_as_the_key_may(settings: Settings) -> None:
    chunks = [Chunk(text=word) for word in ("one ", "two")]
    async with scripted(settings, [*chunks, Chunk(finish_reason="stop")]) as gateway:
        key, _ = await make(gateway, limits=(Limit(unit=Unit.CONCURRENT, amount=1, window=Held()),))
        principal = (await gateway.surface.doorkeeper.keys()).all()[0].principal
        async with gateway.client.open(REQUEST, Wishes(principal=principal)):
            assert (await asked(gateway, key)).status == 429
        assert (await asked(gateway, key, stream=True)).status == 200


async def test_a_budget_of_what_answers_are_worth_bounds_what_is_free(settings: Settings) -> None:
    dear = Price(prompt=10**9, completion=10**9)  # a tenth of a cent for each token
    long = answer(usage=Usage(prompt_tokens=7, completion_tokens=900))
    async with scripted(settings, long, price=dear) as gateway:
        worth = Budget(amount=Money.usd("1.50"), period="month", counts="list_value")
        key, _ = await make(gateway, budgets=(worth,))
        told = [(await asked(gateway, key, max_tokens=1000)).status for _ in range(2)]
        assert told == [200, 429]
        assert (await gateway.client.decisions(limit=1))[0].principal == "ann"


async def test_what_was_used_stays_used_when_the_key_is_another_one(gateway: InProcessGateway) -> None:
    first, _ = await make(gateway, "ann", limits=(TWICE,))
    assert [(await asked(gateway, first)).status for _ in range(2)] == [200, 200]
    second, _ = await make(gateway, "ann", limits=(TWICE,))
    assert (await asked(gateway, first)).status == 401
    assert (await asked(gateway, second)).status == 429


async def test_bounds_are_changed_while_it_runs(gateway: InProcessGateway) -> None:
    key, made = await make(gateway, limits=(TWICE,))
    assert [(await asked(gateway, key)).status for _ in range(3)] == [200, 200, 429]
    await keep(gateway, "ann", made.model_copy(update={"limits": ()}))
    assert (await asked(gateway, key)).status == 200


@pytest.mark.parametrize(
    ("models", "model", "status"),
    [
        (("fast",), "fast", 200),
        (("fast",), "FAST", 404),
        (("fast",), "auto", 403),
        (("fast",), "sandbox/auto", 403),
        (("sandbox/*",), "sandbox/auto", 200),
        (("fast",), None, 403),
        ((), "auto", 200),
        (("nothing",), "nothing", 404),
    ],
)
async def test_a_key_may_ask_for_its_models_alone(
    gateway: InProcessGateway, models: tuple[str, ...], model: str | None, status: int
) -> None:
    key, _ = await make(gateway, models=models)
    body = {"messages": HELLO["messages"]} if model is None else {**HELLO, "model": model}
    told = await gateway.post(CHAT, body, bearer(key))
    assert told.status == status
    if status == 403:
        error = told.json()["error"]
        assert (error["code"], error["param"]) == ("model_not_allowed", "model")
        assert ", ".join(models) in error["message"]


async def test_a_record_says_which_key_asked(gateway: InProcessGateway) -> None:
    key, _ = await make(gateway, "ann")
    name = (await asked(gateway, key)).headers["x-request-id"]
    assert (await gateway.client.explain(name)).principal == "ann"


def test_a_name_that_stands_for_an_allowed_one_is_allowed() -> None:
    caller = Caller(name="ann", models=("fast",))
    assert may_use(caller, "claude-haiku", lambda _: "fast")
    assert not may_use(caller, "claude-haiku", lambda name: name)


def test_nobody_gets_more_than_is_wished_for() -> None:
    wishes = Wishes(no_paid=True, tag="t")
    assert bounded(wishes, Caller(), "any", str) is wishes
    assert bounded(Wishes(), Caller(name="ann", no_paid=True), "any", str).no_paid is True
    assert bounded(wishes, Caller(name="ann", no_paid=False), "any", str).no_paid is True
    with pytest.raises(ApiFailure):
        bounded(wishes, Caller(name="ann", models=("fast",)), "other", str)
