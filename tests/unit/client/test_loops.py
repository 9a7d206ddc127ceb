"""One client in several event loops: one after the other, in threads at the same time, on asyncio and then on trio."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, UsageError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Billing, Price, ProviderSettings, Settings
from shunpike.wire import EmbeddingBackend
from shunpike_testkit.scripted import ScriptedProvider
from shunpike_testkit.upstream import Upstream, reply

BUDGET = {"amount": {"pico": 10**12}, "period": "day"}
BODY = {
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "here"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Vendor(ScriptedProvider):
    """A paid provider over the wire."""

    def __init__(self, base_url: str) -> None:
        super().__init__("acme", billing=Billing.CARD, price=Price.per_million("1", "2"))
        self.models = (self.model("m"),)
        self.base_url = base_url

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        ready = settings.model_copy(update={"base_url": self.base_url})
        return EmbeddingBackend(self.shunpike_providers()[0], ready) if provider == self.name else None


@contextmanager
def serving() -> Iterator[tuple[Upstream, Callable[[], int]]]:
    """A server in a loop of its own, and what tells how many of its connections are open."""

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Upstream()) as upstream:
        upstream.on("/v1/chat/completions", reply(BODY))
        yield upstream, lambda: portal.call(lambda: _count(upstream))


async def _count(upstream: Upstream) -> int:
    with anyio.move_on_after(2):
        await upstream.idle()
    return upstream._open


def client_of(upstream: Upstream, store: str = "memory:", **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(Vendor(f"{upstream.base_url}/v1"), "acme")
    made = {"store": store, "allow_paid": True, "budgets": [BUDGET], "timeout": 20, **settings}
    return Client(Settings.model_validate(made), host=host, environ={})


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'ledger.db'}"


async def ask(client: Client) -> str:
    return (await client.complete("hi")).text


async def ask_in_chunks(client: Client) -> str:
    async with client.stream("hi") as stream:
        return "".join([str(chunk) async for chunk in stream])


@pytest.mark.parametrize("way", [ask, ask_in_chunks])
@pytest.mark.parametrize("loops", [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "asyncio"), ("trio", "trio")])
def test_a_client_answers_in_one_event_loop_after_the_other(store: str, loops: tuple[str, ...], way: Any) -> None:
    with serving() as (upstream, still_open):
        client = client_of(upstream, store)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for backend in loops:
                assert anyio.run(way, client, backend=backend) == "here"
                gc.collect()
                assert still_open() == 0, "what was opened in a loop is closed when it ends"
            rows = anyio.run(client.usage, 0, 2e10)
            anyio.run(client.aclose)
            gc.collect()
    assert sum(row.requests for row in rows) == len(upstream.requests) == 2


@pytest.mark.parametrize("loops", [("asyncio", "trio"), ("trio", "asyncio")])
def test_a_client_that_was_made_in_one_event_loop_may_be_used_in_another_first(loops: tuple[str, ...]) -> None:
    made, used = loops

    with serving() as (upstream, _):

        async def make() -> Client:
            return client_of(upstream)

        client = anyio.run(make, backend=made)
        assert anyio.run(ask, client, backend=used) == "here"
        anyio.run(client.aclose, backend=used)


def test_a_client_answers_in_two_threads_at_the_same_time(store: str) -> None:
    threads, each = 4, 8

    with serving() as (upstream, still_open):
        client = client_of(upstream, store)
        begin = threading.Barrier(threads)

        async def several() -> list[str]:
            return [await ask(client) for _ in range(each)]

        def work() -> list[str]:
            begin.wait()
            return asyncio.run(several())

        with ThreadPoolExecutor(threads) as pool:
            found = [one.result(timeout=60) for one in [pool.submit(work) for _ in range(threads)]]
        assert found == [["here"] * each] * threads
        assert still_open() == 0
        rows = asyncio.run(client.usage(0, 2e10))
        asyncio.run(client.aclose())
    assert sum(row.requests for row in rows) == len(upstream.requests) == threads * each


def test_the_limits_of_a_client_hold_over_all_its_loops(store: str) -> None:
    with serving() as (upstream, _):
        client = client_of(upstream, store, budgets=[{"amount": {"pico": 3 * 10**10}, "period": "day"}], wait=False)

        def work() -> int:
            async def several() -> int:
                answered = 0
                for _ in range(4):
                    with suppress(Exhausted):
                        answered += bool(await client.complete("hi", max_tokens=5000))
                return answered

            return asyncio.run(several())

        async def spent() -> int:
            return sum(row.cost.pico for row in await client.usage(0, 2e10))

        with ThreadPoolExecutor(2) as pool:
            answered = sum(one.result(timeout=60) for one in [pool.submit(work), pool.submit(work)])
        assert answered == len(upstream.requests) >= 4
        assert asyncio.run(spent()) <= 3 * 10**10
        asyncio.run(client.aclose())


def test_a_client_that_is_closed_in_one_loop_is_closed_in_all(store: str) -> None:
    with serving() as (upstream, still_open):
        client = client_of(upstream, store)
        with start_blocking_portal() as portal:
            assert portal.call(ask, client) == "here"
            asyncio.run(client.aclose())
            assert still_open() == 0
            with pytest.raises(UsageError, match="the client is closed"):
                portal.call(ask, client)
        with pytest.raises(UsageError, match="the client is closed"):
            asyncio.run(ask(client))
        asyncio.run(client.aclose())
    assert len(upstream.requests) == 1


def test_what_needs_no_loop_works_before_between_and_after(store: str) -> None:
    with serving() as (upstream, _):
        client = client_of(upstream, store)
        assert [model.id for model in client.models()] == ["m"]
        assert asyncio.run(ask(client)) == "here"
        assert [model.id for model in client.models()] == ["m"]
        assert asyncio.run(ask(client)) == "here"
        asyncio.run(client.aclose())
        assert [model.id for model in client.models()] == ["m"]


async def test_a_client_that_is_closed_keeps_nothing_alive_in_a_loop_that_goes_on() -> None:
    with serving() as (upstream, _):
        async with client_of(upstream) as client:
            assert await ask(client) == "here"
        assert not client._loops._by_loop
