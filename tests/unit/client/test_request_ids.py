"""A request that its caller gave an id is asked once: by one process, by many at once, and after it has ended."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.errors import DuplicateRequest, Exhausted, NotHere, RateLimited, RequestError, UsageError
from shunpike.openai_format import error_body, status_of
from shunpike.routing.operation import Completing
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, Limit, RequestFailed, RequestStarted, Rolling, Unit
from shunpike.wire.body import given
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import Observer, ScriptedProvider, answer
from shunpike_testkit.stores import reservation

from ..capabilities.scripted_embedding import EmbeddingProvider  # noqa: TID252 - the tests are no package
from .conftest import START, Hanging, MakeClient, MakeSync

ONE_A_MINUTE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
CLOSED = Limit(unit=Unit.REQUEST, amount=0, window=Rolling(seconds=60))
Ask = Callable[[Client, str], Awaitable[str]]


async def complete(client: Client, name: str) -> str:
    return (await client.complete("hello", request_id=name)).request_id


async def stream(client: Client, name: str) -> str:
    async with client.stream("hello", request_id=name) as answer:
        async for _ in answer:
            pass
    return answer.completion.request_id


async def embed(client: Client, name: str) -> str:
    return (await client.embed("hello", model="north/embed-1", request_id=name)).request_id


async def refused(asked: Awaitable[object]) -> DuplicateRequest:
    with pytest.raises(DuplicateRequest) as caught:
        await asked
    return caught.value


def north() -> EmbeddingProvider:
    return EmbeddingProvider("north")


def still(made: Client, store: Any = None) -> Client:
    """Return a client like ``made`` whose clock stands while somebody is waited for."""
    return Client(made.settings, host=made.host, clock=VirtualClock(START, auto=False), store=store, environ={})


@pytest.mark.parametrize("ask", [complete, stream, embed])
async def test_what_was_answered_is_not_asked_again_under_its_id(make_client: MakeClient, ask: Ask) -> None:
    provider = north()
    async with make_client(provider) as client:
        assert await ask(client, "order-1") == "order-1"
        error = await refused(ask(client, "order-1"))
        assert await ask(client, "order-2") == "order-2"
        (row,) = await client.usage(START - 1, START + 999)
    assert (error.outcome, error.started_at, error.request_id) == ("answered", START, "order-1")
    assert error.cost is not None
    assert not error.cost
    assert "'order-1' was answered (begun 2026-" in error.message
    assert row.requests == 2
    again = pickle.loads(pickle.dumps(error))
    assert (again.outcome, again.started_at, again.cost) == (error.outcome, error.started_at, error.cost)
    assert (status_of(error), error_body(error)["code"], error.exit_code) == (409, "duplicate_request", 2)


def test_a_blocking_client_holds_to_it_too(make_sync: MakeSync) -> None:
    client = make_sync(north())
    client.complete("hello", request_id="a")
    with pytest.raises(DuplicateRequest, match="was answered"):
        client.complete("hello", request_id="a")


async def test_while_it_runs_another_of_its_id_is_refused_at_once(make_client: MakeClient) -> None:
    provider = Hanging("north")
    async with still(make_client(provider)) as client, anyio.create_task_group() as group:
        group.start_soon(complete, client, "a")
        while not provider.begun.is_set():
            await anyio.lowlevel.checkpoint()
        error = await refused(complete(client, "a"))
        group.cancel_scope.cancel()
    assert (error.outcome, error.started_at, error.message) == (
        "running",
        None,
        "request_id 'a' still runs in this process",
    )


async def test_a_stream_runs_until_it_is_closed(make_client: MakeClient) -> None:
    async with make_client(north()) as client:
        async with client.stream("hello", request_id="a"):
            assert (await refused(complete(client, "a"))).outcome == "running"
        assert (await refused(complete(client, "a"))).outcome != "running"


@pytest.mark.parametrize(
    "failure",
    [RateLimited("slow down", provider="north", status=429), RequestError("no such field", provider="north")],
)
async def test_what_was_sent_and_failed_is_not_asked_again(make_client: MakeClient, failure: Exception) -> None:
    provider = ScriptedProvider("north", failure, answer())
    async with make_client(provider, wait=False) as client:
        with pytest.raises((Exhausted, RequestError)):
            await complete(client, "a")
        assert (await refused(complete(client, "a"))).outcome == "failed"
    assert len(provider.backend.calls) == 1


async def test_what_was_never_sent_may_be_asked_again_under_its_id(make_client: MakeClient) -> None:
    """Whether a limit denied it, or it was admitted and given back."""
    unsent = NotHere("can't do that", provider="north", kind="unsupported")
    provider = ScriptedProvider("north", unsent, answer(), limits=[ONE_A_MINUTE])
    async with make_client(provider, wait=False) as client:
        with pytest.raises(Exhausted):
            await complete(client, "a")
        done = await client.complete("hello", request_id="a")
        assert [one.id for one in done.attempts] == ["a-2"]
        with pytest.raises(Exhausted):
            await complete(client, "b")
        client.clock.advance(70)  # type: ignore[attr-defined]
        assert [one.id for one in (await client.complete("hello", request_id="b")).attempts] == ["b-1"]
        assert (await refused(complete(client, "a"))).outcome == "answered"


async def test_other_processes_are_told_what_became_of_it(make_client: MakeClient, tmp_path: Path) -> None:
    store, waits = f"sqlite:{tmp_path / 'ledger.db'}", Hanging("north")
    async with still(make_client(waits, store=store)) as first, make_client(north(), store=store) as second:
        async with anyio.create_task_group() as group:
            group.start_soon(complete, first, "a")
            while not waits.begun.is_set():
                await anyio.lowlevel.checkpoint()
            held = await refused(complete(second, "a"))
            group.cancel_scope.cancel()
        assert (held.outcome, held.started_at) == ("held", START)
        assert "at most $0.00" in held.message
        over = await refused(complete(second, "a"))
        assert over.outcome in ("failed", "unconfirmed")
        assert await complete(second, "b") == "b"
        assert (await refused(complete(first, "b"))).outcome == "answered"


async def test_what_a_process_that_died_sent_for_nothing_is_not_asked_again_and_not_said_to_have_failed(
    make_client: MakeClient, tmp_path: Path
) -> None:
    """Its provider may have answered."""
    path, provider = tmp_path / "ledger.db", north()
    dies = SqliteStore(path, clock=VirtualClock(START))
    await dies.admit(reservation("a-1", START))
    await dies.aclose()
    async with make_client(provider, store=f"sqlite:{path}") as client:
        error = await refused(complete(client, "a"))
    assert (error.outcome, provider.backend.calls) == ("unconfirmed", [])
    assert "was sent, and nobody knows how it ended" in error.message


async def test_of_many_processes_that_ask_at_once_one_sends(make_client: MakeClient, tmp_path: Path) -> None:
    store, providers = f"sqlite:{tmp_path / 'ledger.db'}", [north() for _ in range(4)]
    ended: list[str] = []

    async def ask(client: Client) -> None:
        try:
            await complete(client, "a")
            ended.append("answered")
        except DuplicateRequest:
            ended.append("refused")

    async with AsyncExitStack() as opened:
        clients = [await opened.enter_async_context(make_client(one, store=store)) for one in providers]
        async with anyio.create_task_group() as group:
            for client in clients * 5:
                group.start_soon(ask, client)
    assert sorted(ended) == ["answered", *["refused"] * 19]
    assert sum(len(one.backend.calls) for one in providers) == 1


@pytest.mark.parametrize("denied", [False, True], ids=["same_target", "after_a_denial"])
async def test_whoever_is_slower_is_refused_by_the_ledger(
    make_client: MakeClient, tmp_path: Path, *, denied: bool
) -> None:
    """Both have seen that nobody asked; the first one's first target may be closed to it alone."""
    store, events = f"sqlite:{tmp_path / 'ledger.db'}", Observer()
    full = {"providers": {"north": {"limits": [CLOSED]}}} if denied else {}
    ours, theirs = north(), north()
    first = make_client(ours, ScriptedProvider("south"), store=store, **full)
    second = make_client(theirs, store=store)
    second.host.register(events, "events")
    request, wishes = ChatRequest(messages="hello"), Wishes(request_id="a")
    async with first, second:
        with pytest.raises(DuplicateRequest, match="'a' was answered") as caught:
            async with first.runtime.request("a") as here, second.runtime.request("a") as there:
                plans = (
                    await first.runtime.planner.chat(here, request, wishes),
                    await second.runtime.planner.chat(there, request, wishes),
                )
                for snapshot, plan in zip((here, there), plans, strict=True):
                    await snapshot.attempt_loop.run(plan, Completing(snapshot.services, plan, request))
    assert (caught.value.outcome, caught.value.started_at) == ("answered", START)
    assert theirs.backend.calls == []
    assert [one.error for one in events.events if isinstance(one, RequestFailed)] == ["duplicate"]


class Plain:
    """A store of a stranger's, without any capability."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def __getattr__(self, name: str) -> Any:
        if name not in ("admit", "settle", "remaining", "usage", "closed", "check", "aclose"):
            raise AttributeError(name)
        return getattr(self._store, name)


async def test_over_a_store_that_tells_nothing_an_id_is_still_asked_once_at_a_time(make_client: MakeClient) -> None:
    provider = Hanging("north")
    made = make_client(provider)
    async with Client(
        made.settings, host=made.host, clock=VirtualClock(START, auto=False), store=Plain(), environ={}
    ) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(complete, client, "a")
            while not provider.begun.is_set():
                await anyio.lowlevel.checkpoint()
            assert (await refused(complete(client, "a"))).outcome == "running"
            group.cancel_scope.cancel()
        error = await refused(complete(client, "a"))
    assert (error.outcome, error.cost) == ("known", None)
    assert error.message == "request_id 'a' was asked before, or another process asks it now"


@pytest.mark.parametrize("wrong", ["", "two words", "line\n", "café", "x" * 129, 7, "a\0b"])
@pytest.mark.parametrize("ask", [complete, embed])
async def test_an_id_that_can_be_none_is_named(make_client: MakeClient, ask: Ask, wrong: Any) -> None:
    provider = north()
    async with make_client(provider) as client:
        with pytest.raises(UsageError, match=r"request_id must be 1 to 128 of the characters A-Z .* got "):
            await ask(client, wrong)
    assert provider.backend.calls == []


async def test_the_user_is_kept_beside_the_answer_and_told_to_observers(make_client: MakeClient) -> None:
    """It is sent as the field of that name; no ledger is kept by it."""
    provider, seen = north(), Observer()
    async with make_client(provider) as client:
        client.host.register(seen, "seen")
        done = await client.complete("hello", user="customer 7")
        plain = await client.complete("hello")
    assert (done.decision.user, plain.decision.user) == ("customer 7", None)
    assert [one.user for one in seen.events if isinstance(one, RequestStarted)] == ["customer 7", None]
    assert [given(call).get("user") for call in provider.backend.calls] == ["customer 7", None]
