"""Answers that are carried badly, and requests that never arrive: what was made is billed, what never came is not."""

from __future__ import annotations

import json

import httpx
import pytest

from shunpike_sandbox import faults
from shunpike_sandbox.app import create_app
from shunpike_sandbox.carriage import bomb, carried
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import PROVIDERS
from shunpike_sandbox.unreachable import Unreachable
from shunpike_sandbox.world import SimulatedWorld

from .conftest import Caller, FakeClock

TEXT = "Schöne Grüße: “ein Weg, 蝶 und Zoll”"


def test_pieces_join_to_what_was_sent_and_some_end_within_a_character() -> None:
    data = TEXT.encode()
    for kind in (None, faults.DRIP, faults.SPLIT):
        assert b"".join(carried(kind, data)) == data
    with pytest.raises(UnicodeDecodeError):
        carried(faults.SPLIT, data)[0].decode()
    assert carried(faults.DRIP, b"") == [b""]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", [faults.DRIP, faults.SPLIT])
async def test_what_is_carried_in_pieces_is_the_same_answer(
    caller: Caller, provider: str, stream: bool, kind: str
) -> None:
    good = await caller.ask(provider, TEXT, key="sandbox-paid-a", stream=stream)
    caller.world.reset()
    caller.world.set_faults(Faults(script=(kind,)))
    odd = await caller.ask(provider, TEXT, key="sandbox-paid-a", stream=stream)
    assert (odd.status_code, len(odd.content)) == (200, len(good.content))
    (row,) = caller.books(provider)["attempts"]
    assert (row["outcome"], row["delivered_bytes"]) == ("completed", len(odd.content))


async def test_a_drip_takes_the_worlds_time(caller: Caller, clock: FakeClock) -> None:
    caller.world.set_faults(Faults(script=(faults.DRIP,), seconds=20))
    began = clock.time
    await caller.ask("openai")
    assert clock.time == began + 20


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_that_ends_early_ends_cleanly_and_is_billed_for_what_was_made(
    caller: Caller, provider: str
) -> None:
    caller.world.set_faults(Faults(script=(faults.UNFINISHED,)))
    reply = await caller.ask(provider, TEXT * 9, key="sandbox-paid", stream=True)
    assert reply.status_code == 200
    assert "[DONE]" not in reply.text
    (row,) = caller.books(provider)["attempts"]
    assert row["outcome"] == "cut"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_garbled_stream_has_one_event_that_is_no_json_and_is_billed_whole(
    caller: Caller, provider: str
) -> None:
    caller.world.set_faults(Faults(script=(faults.GARBLED,)))
    reply = await caller.ask(provider, key="sandbox-paid", stream=True)
    wrong = 0
    for line in reply.text.splitlines():
        if line.startswith("data: {"):
            try:
                json.loads(line.removeprefix("data: "))
            except ValueError:
                wrong += 1
    assert wrong == 1
    assert caller.books(provider)["attempts"][0]["outcome"] == "completed"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_figures_states_none_and_is_billed(caller: Caller, provider: str, stream: bool) -> None:
    caller.world.set_faults(Faults(script=(faults.NO_USAGE,)))
    reply = await caller.ask(provider, key="sandbox-paid", stream=stream)
    assert "prompt_tokens" not in reply.text
    assert "promptTokenCount" not in reply.text
    assert caller.books(provider)["attempts"][0]["completion_tokens"] > 0


async def test_an_answer_of_the_wrong_length_breaks_off_and_is_billed_whole(caller: Caller) -> None:
    caller.world.set_faults(Faults(script=(faults.WRONG_LENGTH,)))
    with pytest.raises(httpx.RemoteProtocolError):
        await caller.ask("openai", key="sandbox-paid")
    assert caller.books("openai")["attempts"][0]["completion_tokens"] > 0


async def test_a_bomb_is_small_on_the_wire(caller: Caller) -> None:
    caller.world.set_faults(Faults(script=(faults.BOMB,)))
    headers = {"authorization": "Bearer sandbox-paid"}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": TEXT}]}
    async with caller.client.stream("POST", "/openai/v1/chat/completions", json=body, headers=headers) as reply:
        raw = b"".join([part async for part in reply.aiter_raw()])
    assert reply.headers["content-encoding"] == "gzip"
    assert raw == bomb()
    assert len(raw) < 100_000


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_revoked_key_is_refused_like_a_wrong_one_until_the_world_is_reset(
    caller: Caller, provider: str
) -> None:
    assert (await caller.ask(provider, key="sandbox-paid")).status_code == 200
    caller.world.revoke(provider, "sandbox-paid")
    revoked, wrong = await caller.ask(provider, key="sandbox-paid"), await caller.ask(provider, key="other")
    assert revoked.status_code == wrong.status_code
    assert (await caller.ask(provider, key="sandbox-paid-other")).status_code == 200
    caller.world.reset()
    assert (await caller.ask(provider, key="sandbox-paid")).status_code == 200


async def test_what_never_arrives_is_in_no_book_and_comes_again_with_its_seed() -> None:
    world = SimulatedWorld(FakeClock())
    lost: list[list[int]] = []
    for _ in range(2):
        way = Unreachable(InProcess(create_app(world)), rate=0.5, seed=3)
        failed = []
        async with httpx.AsyncClient(transport=way, base_url="http://x") as client:
            for number in range(20):
                try:
                    await Caller(world, client).ask("openai")
                except httpx.ConnectError:
                    failed.append(number)
        assert way.failed == len(failed)
        lost.append(failed)
    assert lost[0] == lost[1]
    assert world.books()["openai"]["requests"] == 40 - 2 * len(lost[0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        Unreachable(InProcess(create_app(world)), rate=2.0)
