"""Counting a prompt asks nobody, holds nothing else up, and is done for the models of the key alone."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shunpike.runtime import counter
from shunpike.types import ChatRequest, Chunk

from ..keys.making import bearer, make  # noqa: TID252 - the tests are no package
from ..running import InProcessGateway  # noqa: TID252 - the tests are no package
from .timed import Pause, TimedProvider, gateway_over

MESSAGES, RESPONSES = "/v1/messages/count_tokens", "/v1/responses/input_tokens"


def body_of(path: str, text: str, model: str = "auto") -> dict[str, Any]:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": text}]} if path == MESSAGES else {"input": text}
    return {"model": model, **asked}


@pytest.mark.parametrize("path", [MESSAGES, RESPONSES])
async def test_a_large_prompt_is_counted_beside_the_event_loop(
    gateway: InProcessGateway, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    threads = []

    def counting(request: ChatRequest) -> int:
        threads.append(threading.current_thread())
        return len(request.messages)

    monkeypatch.setattr(counter, "prompt_tokens", counting)
    answer = await gateway.post(path, body_of(path, "x" * counter.LARGE))
    assert (answer.status, answer.json()["input_tokens"]) == (200, 1)
    assert threads
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("path", [MESSAGES, RESPONSES])
async def test_a_key_has_prompts_counted_for_its_own_models(gateway: InProcessGateway, path: str) -> None:
    key, _ = await make(gateway, models=("sandbox/*",))
    told = [(await gateway.post(path, body_of(path, "hi", model), bearer(key))) for model in ("sandbox/echo-1", "auto")]
    assert [one.status for one in told] == [200, 403]
    assert "sandbox/*" in told[1].json()["error"]["message"]


@pytest.mark.parametrize("quiet", [0.0, 20.0])
async def test_the_opening_of_a_message_tells_the_count_that_was_made_when_it_was_planned(
    monkeypatch: pytest.MonkeyPatch, quiet: float
) -> None:
    counts: list[int] = []

    def counting(request: ChatRequest) -> int:
        counts.append(len(request.messages))
        return 4711

    monkeypatch.setattr(counter, "prompt_tokens", counting)
    slow = TimedProvider("a", [Pause(quiet), Chunk(text="hello"), Chunk(finish_reason="stop")])
    async with gateway_over(slow) as gateway:
        asked = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        answer = await gateway.post("/v1/messages", asked)
    assert counts == [1]
    opened = answer.events()[0]["message"]["usage"]["input_tokens"]
    # Where a stream has to begin before anybody answers, it is estimated once more.
    assert (opened == 4711) is not bool(quiet)
