"""The backend against a server that plays Google byte by byte."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from shunpike.assembly import Assembly
from shunpike.errors import AuthError, BadAnswer, Interrupted, NotHere, Overloaded, QuotaExhausted
from shunpike.protocols import HealthProbe, ListsModels, Streams
from shunpike.types import ABSENT, Answer, Call, ChatRequest, Chunk, ProviderSettings
from shunpike_google import plugin
from shunpike_testkit.upstream import HangUp, Upstream, reply, stream

MODEL = "gemini-3.8-flash"
UNARY = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"
KEY = "AIzaVerySecretKey0123456789"


def settings(upstream: Upstream) -> ProviderSettings:
    return ProviderSettings.model_validate({"key": KEY, "base_url": f"{upstream.base_url}/v1beta"})


def call(**request: Any) -> Call:
    request.setdefault("messages", "hi")
    return Call(request=ChatRequest(**request), model=MODEL, max_output=50, attempt_id="a1")


def raw_chunk(*parts: dict[str, Any], finish: str | None = None, **usage: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3.8-flash-001"}


def sse(*raw_chunks: object) -> list[str]:
    return [f"data: {one if isinstance(one, str) else json.dumps(one)}\r\n\r\n" for one in raw_chunks]


DONE = raw_chunk({"text": ""}, finish="STOP", promptTokenCount=13, candidatesTokenCount=2, totalTokenCount=15)


async def complete(upstream: Upstream, asked: Call | None = None) -> Answer:
    backend = plugin.backend(settings(upstream))
    try:
        return await backend.complete(asked or call())
    finally:
        await backend.aclose()


async def chunks(upstream: Upstream, asked: Call | None = None) -> list[Chunk]:
    backend = plugin.backend(settings(upstream))
    try:
        async with backend.stream(asked or call()) as flow:
            return [chunk async for chunk in flow]
    finally:
        await backend.aclose()


async def test_a_whole_answer_arrives_with_its_moment_and_warnings():
    body = raw_chunk({"text": "Hello"}, finish="STOP", promptTokenCount=3, totalTokenCount=5)
    async with Upstream() as upstream:
        upstream.on(UNARY, reply(body))
        answer = await complete(upstream, call(logit_bias={"1": 1}))

    (request,) = upstream.requests
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.path
    assert request.json["generationConfig"]["maxOutputTokens"] == 50
    assert (answer.choices[0].message.text, answer.model) == ("Hello", "gemini-3.8-flash-001")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 2)
    assert answer.headers_at is not None
    assert answer.warnings == ("google does not take 'logit_bias': it was left out",)


async def test_a_stream_arrives_chunk_by_chunk_and_the_last_usage_counts():
    raw_chunks = [raw_chunk({"text": "Hel"}, promptTokenCount=15, totalTokenCount=15), raw_chunk({"text": "lo"}), DONE]
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(*raw_chunks)))
        found = await chunks(upstream)

    assert upstream.requests[0].path.endswith(":streamGenerateContent?alt=sse")
    assert [chunk.text for chunk in found] == ["Hel", "lo", ""]
    assert found[0].headers_at is not None
    assert [chunk.finish_reason for chunk in found] == [None, None, "stop"]
    assert (found[-1].usage.prompt_tokens, found[-1].usage.completion_tokens) == (13, 2)
    assert found[-1].model == "gemini-3.8-flash-001"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("listed", [False, True])
async def test_a_refusal_that_states_its_usage_is_billed_for_it(streamed: bool, listed: bool):
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    body = {"error": {"code": 500, "message": "x", "status": "INTERNAL"}, "usageMetadata": usage}
    async with Upstream() as upstream:
        upstream.on(STREAM if streamed else UNARY, reply([body] if listed else body, status=500))
        with pytest.raises(Overloaded) as caught:
            await (chunks if streamed else complete)(upstream)
    assert caught.value.bill is not None
    assert caught.value.bill.usage.total_tokens == 5


async def test_a_stream_that_ends_without_its_last_figures_has_only_running_ones():
    raw_chunks = [
        raw_chunk({"text": "Hel"}, promptTokenCount=15, totalTokenCount=16),
        raw_chunk({"text": "lo"}, finish="STOP"),
    ]
    for one in raw_chunks[1:]:
        del one["usageMetadata"]
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(*raw_chunks)))
        found = await chunks(upstream)
    assert found[-1].usage is ABSENT


async def test_a_stream_adds_up_to_the_same_answer_however_it_is_cut():
    call_part = {"functionCall": {"id": "x", "name": "add", "args": {"a": "é"}}, "thoughtSignature": "sig"}
    data = "".join(
        sse(raw_chunk({"text": "hm", "thought": True}), raw_chunk({"text": "Grüße"}), raw_chunk(call_part), DONE)
    )
    raw = data.encode()
    async with Upstream() as upstream:
        upstream.on(STREAM, stream([raw]), stream([raw[at : at + 1] for at in range(len(raw))]))
        answers = []
        for _ in range(2):
            assembly = Assembly(provider="google", model=MODEL)
            for chunk in await chunks(upstream):
                assembly.add(chunk)
            answers.append(assembly.answer().model_copy(update={"headers_at": None}))

    assert answers[0] == answers[1]
    message = answers[0].choices[0].message
    assert (message.text, message.reasoning) == ("Grüße", "hm")
    assert message.private == {"google": {"calls": {"x": "sig"}}}
    assert answers[0].choices[0].finish_reason == "tool_calls"


async def test_a_call_before_the_last_event_turns_stop_into_tool_calls():
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(raw_chunk({"functionCall": {"name": "now"}}), DONE)))
        found = await chunks(upstream)

    assert [delta.name for chunk in found for delta in chunk.tool_calls] == ["now"]
    assert found[-1].finish_reason == "tool_calls"


async def test_a_blocked_prompt_ends_a_stream_well():
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse({"promptFeedback": {"blockReason": "OTHER"}})))
        (chunk,) = await chunks(upstream)

    assert chunk.finish_reason == "content_filter"
    assert chunk.warnings == ("google blocked the prompt: OTHER",)


async def test_a_list_of_events_in_one_body_is_read_as_well():
    async with Upstream() as upstream:
        upstream.on(STREAM, reply([raw_chunk({"text": "Hi"}), DONE]))
        found = await chunks(upstream)

    assert "".join(chunk.text for chunk in found) == "Hi"
    assert found[-1].finish_reason == "stop"


@pytest.mark.parametrize("ending", [[], [HangUp()]], ids=["in order", "by hanging up"])
async def test_a_stream_that_ends_without_a_reason_is_interrupted(ending):
    async with Upstream() as upstream:
        upstream.on(STREAM, stream([*sse(raw_chunk({"text": "Hel"})), *ending]))
        with pytest.raises(Interrupted, match="google: the stream broke off") as caught:
            await chunks(upstream)

    assert caught.value.model == MODEL


async def test_a_line_that_breaks_after_the_reason_does_not_spoil_the_answer():
    async with Upstream() as upstream:
        upstream.on(STREAM, stream([*sse(raw_chunk({"text": "Hi"}), DONE), HangUp()]))
        found = await chunks(upstream)

    assert found[-1].finish_reason == "stop"


async def test_an_error_before_any_content_is_what_it_says():
    violation = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "20"}]}
    error = {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": [violation]}}
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(error)), reply(error, status=429))
        for _ in range(2):
            with pytest.raises(QuotaExhausted) as caught:
                await chunks(upstream)
            assert caught.value.model == MODEL


async def test_an_error_after_content_interrupts():
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(raw_chunk({"text": "Hel"}), error)))
        with pytest.raises(Interrupted):
            await chunks(upstream)


@pytest.mark.parametrize("event", ["nonsense", "[1, 2]", "3"])
async def test_an_event_that_is_no_object_is_malformed(event):
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(event)))
        with pytest.raises(Overloaded) as caught:
            await chunks(upstream)

    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("body", ["nonsense", "[]", "3", '{"candidates": '])
async def test_a_body_that_is_no_object_is_malformed(body):
    async with Upstream() as upstream:
        upstream.on(UNARY, reply(body))
        with pytest.raises(Overloaded) as caught:
            await complete(upstream)

    assert caught.value.kind == "malformed"


async def test_a_model_that_failed_to_write_ends_a_stream_badly():
    async with Upstream() as upstream:
        upstream.on(STREAM, stream(sse(raw_chunk(finish="MALFORMED_FUNCTION_CALL"))))
        with pytest.raises(BadAnswer):
            await chunks(upstream)


async def test_what_can_not_be_sent_is_refused_before_anything_is():
    asked = call(tools=[{"type": "web_search"}])
    async with Upstream() as upstream:
        with pytest.raises(NotHere):
            await complete(upstream, asked)
        with pytest.raises(NotHere):
            await chunks(upstream, asked)

    assert upstream.requests == []


async def test_leaving_a_stream_early_closes_the_connection():
    never = anyio.Event()
    async with Upstream() as upstream:
        upstream.on(STREAM, stream([*sse(raw_chunk({"text": "Hel"})), never]))
        backend = plugin.backend(settings(upstream))
        async with backend.stream(call()) as flow:
            assert (await anext(aiter(flow))).text == "Hel"
        with anyio.fail_after(5):
            await upstream.idle()
        await backend.aclose()


async def test_models_are_listed_over_several_pages_and_cost_no_quota():
    first = {"models": [{"name": "models/gemini-3.8-flash"}, {"name": "models/gemma-4-31b-it"}], "nextPageToken": "p/2"}
    async with Upstream() as upstream:
        upstream.on("/v1beta/models", reply(first), reply({"models": [{"name": "models/gemini-embedding-2"}]}))
        probe = plugin.shunpike_health("google", settings(upstream))
        found = await probe.check()
        await probe.aclose()

    assert found == "3 models"
    assert [request.path.partition("?")[2] for request in upstream.requests] == [
        "pageSize=1000",
        "pageSize=1000&pageToken=p%2F2",
    ]


async def test_a_refused_key_is_an_auth_error_without_the_key():
    error = {"error": {"code": 400, "message": f"bad key {KEY}", "details": [{"reason": "API_KEY_INVALID"}]}}
    async with Upstream() as upstream:
        upstream.on(UNARY, reply(error, status=400))
        with pytest.raises(AuthError) as caught:
            await complete(upstream)

    assert KEY not in str(caught.value) + repr(caught.value)


async def test_it_can_what_it_says():
    backend = plugin.backend(ProviderSettings.model_validate({"key": KEY}))

    assert isinstance(backend, Streams)
    assert isinstance(backend, ListsModels)
    assert isinstance(plugin.shunpike_health("google", ProviderSettings.model_validate({"key": KEY})), HealthProbe)
    await backend.aclose()
    await backend.aclose()
