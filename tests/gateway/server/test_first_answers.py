"""The gateway answers a chat, whole and streamed, in process and over a socket."""

from __future__ import annotations

import json

import httpx
import pytest
from typer.testing import CliRunner

from shunpike.plugins import Host
from shunpike_gateway.serve import app

from ..running import InProcessGateway, RunningGateway  # noqa: TID252 - the tests are no package

BODY = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
CHAT = "/v1/chat/completions"


async def test_a_chat_is_answered(gateway: InProcessGateway) -> None:
    answer = await gateway.post(CHAT, BODY)
    assert answer.status == 200, answer.body
    said = answer.json()
    assert said["object"] == "chat.completion"
    assert "hello" in said["choices"][0]["message"]["content"]
    assert answer.headers["x-shunpike-provider"] == "sandbox"


async def test_a_stream_is_answered_chunk_by_chunk(gateway: InProcessGateway) -> None:
    async with gateway.streaming(CHAT, {**BODY, "stream": True}) as call:
        parts = [part async for part in call.parts()]
        assert len(parts) > 3
    events = call.answer.events()
    assert events[-1] == "[DONE]"
    assert "hello" in "".join(one["choices"][0]["delta"].get("content", "") for one in events[:-1])


async def test_what_is_not_there_is_told_in_the_envelope(gateway: InProcessGateway) -> None:
    assert (await gateway.get("/v1/nothing")).json()["error"]["code"] == "not_found"
    wrong = await gateway.get(CHAT)
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["error"]["code"] == "method_not_allowed"


async def test_too_many_parameters_are_told(gateway: InProcessGateway) -> None:
    wrong = await gateway.get(f"/v1/models?{'a&' * 101}")
    assert (wrong.status, wrong.json()["error"]["message"]) == (400, "the path has more than 100 parameters")


async def test_who_is_told_to_come_back_is_told_when(gateway: InProcessGateway) -> None:
    gateway.app.draining = True
    refused = await gateway.post(CHAT, BODY)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["retry_at"] is not None


async def test_what_is_no_http_is_not_for_it(gateway: InProcessGateway) -> None:
    async def nothing(*message: object) -> None:
        raise AssertionError(message)

    with pytest.raises(ValueError, match="'lifespan'"):
        await gateway.app({"type": "lifespan"}, nothing, nothing)


async def test_probes_are_answered(gateway: InProcessGateway) -> None:
    for method, path in (("HEAD", "/"), ("GET", "/api/hello"), ("HEAD", "/api/hello")):
        assert (await gateway.call(method, path).whole()).status == 200
    assert (await gateway.post("/api/event_logging/batch", {"events": []})).status == 200


def test_it_answers_over_a_socket(running_gateway: RunningGateway) -> None:
    with httpx.Client(base_url=running_gateway.url, trust_env=False) as http:
        assert http.post(CHAT, json=BODY).json()["choices"][0]["finish_reason"] == "stop"
        with http.stream("POST", CHAT, json={**BODY, "stream": True}) as answer:
            lines = [line for line in answer.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"
        assert json.loads(lines[0][6:])["object"] == "chat.completion.chunk"


def test_serve_is_a_command_of_the_plugin() -> None:
    assert "serve" in [one.info.name for one in Host.load().commands()]
    told = CliRunner().invoke(app, ["--help"])
    assert told.exit_code == 0
    assert "--port" in told.output
