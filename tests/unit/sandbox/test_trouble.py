"""Faults come as ordered, clients may leave at any moment, and the books are right all the same."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike_sandbox import faults
from shunpike_sandbox.app import create_app
from shunpike_sandbox.books import BookEntry, ProviderBooks
from shunpike_sandbox.faults import Faults, FaultScript
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import PROVIDERS
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

from .conftest import Caller, FakeClock

REFUSALS = {faults.OVERLOADED: {503}, faults.INTERNAL: {500}, faults.UPSTREAM: {429, 498}, faults.HTML: {502}}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", sorted(REFUSALS))
async def test_a_refusing_fault_is_refused_and_not_billed(caller: Caller, provider: str, kind: str) -> None:
    caller.world.set_faults(Faults(script=(kind,)))
    reply = await caller.ask(provider, key="sandbox-paid")
    assert reply.status_code in REFUSALS[kind]
    books = caller.books(provider)
    assert books["billed_pico"] == books["answered"] == books["overages"] == 0
    assert (await caller.ask(provider, key="sandbox-paid")).status_code == 200


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_hang_up_comes_before_the_headers(caller: Caller, provider: str, stream: bool) -> None:
    for kind in (faults.HANGUP, faults.LOST):
        caller.world.set_faults(Faults(script=(kind,)))
        with pytest.raises(httpx.RemoteProtocolError):
            await caller.ask(provider, key="sandbox-paid", stream=stream)
    books = caller.books(provider)
    assert books["dropped"] == 2
    billed = [row["completion_tokens"] for row in books["attempts"]]
    assert billed[0] == 0
    assert billed[1] > 0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_that_fails_inside_a_200_is_not_billed(caller: Caller, provider: str) -> None:
    caller.world.set_faults(Faults(script=(faults.STREAM_ERROR,)))
    reply = await caller.ask(provider, key="sandbox-paid", stream=True)
    assert reply.status_code == 200
    assert '"error"' in reply.text
    assert ("[DONE]" in reply.text) == (provider == "openrouter")
    books = caller.books(provider)
    assert (books["failed"], books["billed_pico"], books["answered"]) == (1, 0, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_cut_stream_is_billed_for_what_was_made(caller: Caller, provider: str) -> None:
    whole = await caller.ask(provider, key="sandbox-whole")
    caller.world.set_faults(Faults(script=(faults.CUT,)))
    with pytest.raises(httpx.RemoteProtocolError):
        await caller.ask(provider, key="sandbox-cut", stream=True)
    made = {name: caller.world.books(name)[provider]["completion_tokens"] for name in ("sandbox-whole", "sandbox-cut")}
    assert whole.status_code == 200
    if provider in ("google", "groq"):
        assert made["sandbox-cut"] == made["sandbox-whole"]
    else:
        assert 0 < made["sandbox-cut"] < made["sandbox-whole"]


async def test_half_json_is_a_200_that_cannot_be_read(caller: Caller) -> None:
    caller.world.set_faults(Faults(script=(faults.HALF_JSON,)))
    reply = await caller.ask("openai")
    assert reply.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        reply.json()


async def test_slowness_is_measured_on_the_worlds_clock(caller: Caller, clock: FakeClock) -> None:
    began = clock.time
    caller.world.set_faults(Faults(script=(faults.SLOW, faults.STALL), seconds=45))
    await caller.ask("openai")
    assert clock.time == began + 45
    await caller.ask("openai", stream=True)
    assert clock.time == began + 90


@pytest.mark.parametrize("provider", ["openai", "groq"])
async def test_a_client_that_leaves_pays_for_what_it_got(caller: Caller, provider: str) -> None:
    head = {"authorization": "Bearer sandbox-paid", "x-shunpike-attempt-id": "a-1"}
    model = "gpt-4o-mini" if provider == "openai" else "openai/gpt-oss-20b"
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "What is a shunpike?"}]}
    path = {"openai": "/openai/v1", "groq": "/groq/openai/v1"}[provider] + "/chat/completions"
    got = b""
    request = caller.client.build_request("POST", path, json=body, headers=head)
    reply = await InProcess(create_app(caller.world)).handle_async_request(request)
    assert isinstance(reply.stream, httpx.AsyncByteStream)
    async for part in reply.stream:
        got += part
        if got.count(b"data:") == 3:
            break
    await reply.aclose()
    (row,) = caller.books(provider)["attempts"]
    assert (row["outcome"], row["attempt_id"], row["delivered_bytes"]) == ("cancelled", "a-1", len(got))
    assert row["billed_pico"] > 0
    if provider == "openai":
        assert row["completion_tokens"] == 8
    else:
        assert row["completion_tokens"] > 20


async def test_pace_is_kept_on_the_worlds_clock(clock: FakeClock) -> None:
    world = SimulatedWorld(clock, pace=ReplyPace(first_byte=1.0, between_chunks=0.5))
    began = clock.time
    async with httpx.AsyncClient(transport=InProcess(create_app(world)), base_url="http://x") as client:
        await Caller(world, client).ask("openai", stream=True)
    assert clock.time > began + 3


async def test_totals_stay_exact_when_the_list_of_attempts_is_full(caller: Caller) -> None:
    books = ProviderBooks(kept=3)
    for number in range(10):
        books.leave(BookEntry(books.arrive("a"), None, "a", "m", float(number), 200, "completed", prompt_tokens=2))
    snapshot = books.snapshot()
    assert (snapshot["requests"], snapshot["prompt_tokens"], snapshot["open"]) == (10, 20, 0)
    assert len(snapshot["attempts"]) == 3


async def test_the_control_room_reads_books_sets_faults_and_starts_over(caller: Caller) -> None:
    client = caller.client
    assert (await client.get("/_sandbox/health")).json()["status"] == "ok"
    assert (await client.post("/_sandbox/faults", json={"script": ["internal"], "only": ["groq"]})).status_code == 200
    assert (await client.post("/_sandbox/faults", json={"kinds": ["typo"]})).status_code == 400
    assert (await client.post("/_sandbox/faults", json={"odd": 1})).status_code == 400
    assert (await caller.ask("openai")).status_code == 200
    assert (await caller.ask("groq")).status_code == 500
    assert (await client.get("/_sandbox/books")).json() == caller.world.books()
    await client.post("/_sandbox/reset")
    assert caller.books("groq")["requests"] == 0


@given(st.integers(0, 1000), st.floats(0, 1))
def test_the_same_seed_brings_the_same_trouble(seed: int, rate: float) -> None:
    one, two = (FaultScript(Faults(rate=rate), seed) for _ in range(2))
    assert [one.draw("x", streaming=True) for _ in range(20)] == [two.draw("x", streaming=True) for _ in range(20)]


def test_a_misspelt_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="overlaoded"):
        Faults(kinds=("overlaoded",))
