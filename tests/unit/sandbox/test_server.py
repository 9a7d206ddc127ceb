"""The same world over real sockets: answers, hang-ups, clients that leave, and the plugin that brings it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from shunpike.protocols import Backend, Endpoint, Streams, World
from shunpike.types import ProviderSettings
from shunpike_sandbox import faults
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.names import PROVIDERS
from shunpike_sandbox.plugin import SandboxWorld, plugin
from shunpike_sandbox.server import Running
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

from .conftest import MODELS

HEAD = {"authorization": "Bearer sandbox-1"}


@pytest.fixture
def running() -> Iterator[Running]:
    with Running(SimulatedWorld()) as server:
        yield server


def ask(running: Running, *, stream: bool = False, content: str = "What is a shunpike?") -> httpx.Response:
    body = {"model": MODELS["openai"], "stream": stream, "messages": [{"role": "user", "content": content}]}
    return httpx.post(f"{running.base_url('openai')}/chat/completions", json=body, headers=HEAD, timeout=10)


def test_it_answers_over_a_socket(running: Running) -> None:
    assert "side road" in ask(running).text
    assert ask(running, stream=True).text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_a_hang_up_closes_the_socket_without_a_byte(running: Running, stream: bool) -> None:
    running.world.set_faults(Faults(script=(faults.HANGUP, faults.CUT)))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(running, stream=stream)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        ask(running, stream=stream)
    books = running.world.books()["openai"]
    assert (books["dropped"], books["cut"], books["open"]) == (1, 1, 0)


def test_a_client_that_leaves_is_noticed_while_it_waits() -> None:
    gone = threading.Event()
    world = SimulatedWorld(pace=ReplyPace(between_chunks=0.02))
    with Running(world) as server:
        url = f"{server.base_url('openai')}/chat/completions"
        body = {"model": MODELS["openai"], "stream": True, "messages": [{"role": "user", "content": "word " * 200}]}
        with httpx.stream("POST", url, json=body, headers=HEAD) as reply:
            # The first event tells the role alone; the next ones have tokens.
            lines = (line for line in reply.iter_lines() if line.startswith("data:"))
            assert all(next(lines) for _ in range(3))
        for _ in range(200):
            if world.books()["openai"]["open"] == 0:
                break
            gone.wait(0.02)
        (row,) = world.books()["openai"]["attempts"]
    assert row["outcome"] == "cancelled"
    assert 0 < row["completion_tokens"] < 60


def test_the_limit_holds_under_concurrency(running: Running) -> None:
    url = f"{running.base_url('groq')}/chat/completions"
    body = {"model": MODELS["groq"], "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    with httpx.Client() as client, ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: client.post(url, json=body, headers=HEAD).status_code, range(60)))
    assert codes.count(200) == 30
    assert running.world.books()["groq"]["overages"] == 30


def test_stopping_gives_the_port_back_and_may_be_repeated() -> None:
    server = Running(SimulatedWorld()).start()
    port = int(server.url.rsplit(":", 1)[1])
    server.stop()
    server.stop()
    with socket.socket() as probe, pytest.raises(OSError, match=r"."):
        probe.connect(("127.0.0.1", port))


async def test_the_plugin_brings_a_world_that_the_core_knows() -> None:
    world = plugin.shunpike_world()
    assert isinstance(world, World)
    endpoints = await world.start()
    try:
        assert set(endpoints) == set(PROVIDERS)
        assert endpoints["google"].base_url.endswith("/google/v1beta")
        assert all(isinstance(endpoint, Endpoint) for endpoint in endpoints.values())
        assert [row.received for row in world.books()] == [0] * 7
    finally:
        await world.aclose()
        await world.aclose()


def test_a_demo_has_only_faults_that_come_early_and_cost_nothing() -> None:
    world = SimulatedWorld()
    SandboxWorld(world).set_faults(0.5, 7)
    kinds = {world.fault("groq", streaming=True) for _ in range(400)}
    assert kinds - {None} == {faults.OVERLOADED, faults.INTERNAL, faults.UPSTREAM, faults.STREAM_ERROR}


async def test_the_sandbox_itself_is_a_backend_that_streams_without_a_key() -> None:
    backend = plugin.shunpike_completion("sandbox", ProviderSettings())
    assert isinstance(backend, Backend)
    assert isinstance(backend, Streams)
    assert await backend.list_models() == ["sandbox/echo-1", "sandbox/embed-1"]  # type: ignore[attr-defined]
    await backend.aclose()


def test_the_plugin_answers_for_its_own_provider_alone() -> None:
    (info,) = plugin.shunpike_providers()
    assert info.simulated
    assert info.env_key is None
    (chat, _embedding) = plugin.shunpike_models("sandbox") or ()
    assert chat.id == "sandbox/echo-1"
    assert plugin.shunpike_models("groq") is None
    assert plugin.shunpike_completion("groq", ProviderSettings()) is None
    assert plugin.shunpike_limits("sandbox", chat, "free") == ()
