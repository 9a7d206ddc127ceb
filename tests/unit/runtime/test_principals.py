"""Who asks, on the way from a request to the ledger: budgets, limits, rules, conversations and records go by it."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client.results import completion
from shunpike.config import KeyStore
from shunpike.errors import Exhausted
from shunpike.plugins import Host
from shunpike.routing.operation import Completing
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.wishes import Wishes
from shunpike.types import (
    AttemptSettled,
    ChatRequest,
    Completion,
    Decision,
    Limit,
    Principal,
    Rolling,
    Settings,
    Unit,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import Observer, ScriptedProvider

ONCE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
ANN, BOB = (Principal(id=name, limits=(ONCE,)) for name in ("ann", "bob"))


def runtime_of(*names: str, heard: Observer | None = None, **settings: Any) -> Runtime:
    host = Host()
    host.register(builtin, "builtin")
    for place, name in enumerate(names):
        provider = ScriptedProvider(name)
        provider.order = place
        host.register(provider, name)
    if heard is not None:
        host.register(heard, "observer")
    made = Settings.model_validate({"store": "memory:", "wait": False, **settings})
    return Runtime(made, host, VirtualClock(), None, {}, KeyStore())


async def answer(runtime: Runtime, who: Principal | None, text: str = "hello", **wishes: Any) -> Completion:
    request = ChatRequest.model_validate({"messages": [{"role": "user", "content": text}]})
    async with runtime.request() as snapshot:
        context = await runtime.planner.chat(snapshot, request, Wishes(principal=who, **wishes))
        loop = snapshot.attempt_loop
        return completion(snapshot, *await loop.run(context, Completing(loop.services, context, request)))


async def test_the_limit_of_whoever_asks_holds_at_all_providers_together_and_for_nobody_else() -> None:
    runtime = runtime_of("a", "b")
    assert (await answer(runtime, ANN)).provider == "a"
    with pytest.raises(Exhausted) as told:
        await answer(runtime, ANN)
    closed = {one.provider: one for one in told.value.decision.candidates}
    assert {name: one.by for name, one in closed.items()} == {"a": "limit", "b": "limit"}
    assert all("limit of ann 1 request / 60 s" in one.reason for one in closed.values())
    assert (await answer(runtime, BOB)).provider == "a"
    assert (await answer(runtime, None)).provider == "a"


async def test_the_record_and_the_event_say_who_asked() -> None:
    heard = Observer()
    runtime = runtime_of("a", heard=heard)
    assert (await answer(runtime, ANN)).decision.principal == "ann"
    assert (await answer(runtime, None)).decision.principal is None
    assert [one.principal for one in heard.events if isinstance(one, AttemptSettled)] == ["ann", None]


async def test_a_rule_is_for_one_client() -> None:
    rules = {"rule": [{"client": "a*", "use": "b/m"}]}
    runtime = runtime_of("a", "b", routing=rules)
    assert (await answer(runtime, ANN)).provider == "b"
    assert (await answer(runtime, BOB)).provider == "a"
    assert (await answer(runtime, None)).provider == "a"


async def test_two_who_ask_the_same_have_two_conversations() -> None:
    runtime = runtime_of("a")
    told: list[Decision] = [(await answer(runtime, who, session="one")).decision for who in (ANN, BOB, None)]
    conversations = {one.affinity.key for one in told if one.affinity is not None}
    assert len(conversations) == 3


async def test_a_request_for_which_nobody_was_left_says_who_asked() -> None:
    runtime = runtime_of("a", providers={"a": {"enabled": False}})
    with pytest.raises(Exhausted) as told:
        await answer(runtime, ANN)
    assert told.value.decision.principal == "ann"
