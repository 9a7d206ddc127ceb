"""An address of one's own that lacks its ``/v1``: it is found, and an error names what was asked."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, NotHere
from shunpike.types import Call, ChatRequest, ProviderSettings
from shunpike_testkit.upstream import Script, Upstream, events, reply, stream

from .conftest import MakeClient, plugin_of

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
FINE = {"choices": [CHOICE], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
NOWHERE = {
    "ollama": reply("404 page not found", status=404, content_type="text/plain"),
    "vllm": reply({"detail": "Not Found"}, status=404),
    "llama.cpp": reply({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, status=404),
    "lm-studio": reply({"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    "nothing": reply("", status=404),
    "method": reply("no", status=405),
}
LISTED = reply({"data": [{"id": "m1"}]})


def at_home(make_client: MakeClient, base_url: str, **section: Any) -> Client:
    local = {"plugin": "openai", "base_url": base_url, "price": "free", **section}
    return make_client(
        {"openai": plugin_of("openai")}, {"OPENAI_API_KEY": "sk-real-0123456789"}, providers={"local": local}
    )


def serve(upstream: Upstream, nowhere: Script) -> Upstream:
    for path in ("/models", "/chat/completions"):
        upstream.on(path, nowhere)
    return upstream.on("/v1/models", LISTED).on("/v1/chat/completions", reply(FINE))


def paths(upstream: Upstream) -> list[str]:
    return [request.path for request in upstream.requests]


@pytest.mark.parametrize("server", NOWHERE)
async def test_a_missing_v1_is_found_once_and_remembered(
    make_client: MakeClient, upstream: Upstream, server: str
) -> None:
    serve(upstream, NOWHERE[server])
    async with at_home(make_client, upstream.base_url) as client:
        for _ in range(3):
            assert (await client.complete("hi", model="local/m1")).text == "fine"
    asked = [path for path in paths(upstream) if path.endswith("completions")]
    assert asked.count("/v1/chat/completions") == 3
    assert asked.count("/chat/completions") <= 1


async def test_a_stream_finds_it_too(make_client: MakeClient, upstream: Upstream) -> None:
    delta = {"choices": [{"index": 0, "delta": {"content": "fine"}, "finish_reason": "stop"}]}
    serve(upstream, NOWHERE["ollama"]).on("/v1/chat/completions", stream(events(delta)))
    async with at_home(make_client, upstream.base_url, models=("m1",)) as client, client.stream("hi") as flow:
        assert "".join([chunk.text async for chunk in flow]) == "fine"


async def test_an_address_that_works_as_it_stands_is_left_so(make_client: MakeClient, upstream: Upstream) -> None:
    upstream.on("/models", LISTED).on("/chat/completions", reply(FINE))
    async with at_home(make_client, upstream.base_url) as client:
        await client.complete("hi", model="local/m1")
    assert not any(path.startswith("/v1") for path in paths(upstream))


async def test_a_model_that_is_missing_is_not_taken_for_a_missing_address(
    make_client: MakeClient, upstream: Upstream
) -> None:
    upstream.on("/models", LISTED)
    upstream.on("/chat/completions", reply({"error": {"message": "model 'x' not found"}}, status=404))
    async with at_home(make_client, upstream.base_url) as client:
        with pytest.raises(Exhausted, match="model 'x' not found") as caught:
            await client.complete("hi", model="local/x")
    assert "/v1/chat/completions" not in paths(upstream)
    assert "may be missing" not in str(caught.value)
    assert f"{upstream.base_url}/chat/completions" in str(caught.value)


async def test_where_neither_works_the_error_names_both(make_client: MakeClient, upstream: Upstream) -> None:
    for path in ("/models", "/chat/completions", "/v1/models", "/v1/chat/completions"):
        upstream.on(path, NOWHERE["vllm"])
    async with at_home(make_client, upstream.base_url) as client:
        with pytest.raises(Exhausted, match="Not Found") as caught:
            await client.complete("hi", model="local/m1")
    told = f"{upstream.base_url}/chat/completions, then {upstream.base_url}/v1/chat/completions"
    assert told in str(caught.value)


async def test_an_address_with_a_version_is_asked_once(make_client: MakeClient, upstream: Upstream) -> None:
    upstream.on("/v2/models", NOWHERE["vllm"]).on("/v2/chat/completions", NOWHERE["vllm"])
    async with at_home(make_client, f"{upstream.base_url}/v2") as client:
        with pytest.raises(Exhausted, match=r"/v2/chat/completions\)"):
            await client.complete("hi", model="local/m1")
    assert paths(upstream).count("/v2/chat/completions") == 1


async def test_elsewhere_a_missing_v1_is_only_said(upstream: Upstream) -> None:
    """A proxy of a vendor's is asked where its owner said, and nowhere else."""
    upstream.on("/chat/completions", NOWHERE["vllm"])
    settings = ProviderSettings.model_validate({"key": "gsk-0123456789", "base_url": upstream.base_url})
    backend = plugin_of("groq").backend(settings)
    call = Call(request=ChatRequest(messages="hi"), model="m", max_output=50, attempt_id="a")
    for ask in (backend.complete, _streamed(backend)):
        with pytest.raises(NotHere) as caught:
            await ask(call)
        assert f"(asked: {upstream.base_url}/chat/completions; /v1 may be missing" in caught.value.message
    await backend.aclose()
    assert paths(upstream) == ["/chat/completions"] * 2


def _streamed(backend: Any) -> Callable[[Call], Awaitable[None]]:
    async def ask(call: Call) -> None:
        async with backend.stream(call):
            pass

    return ask


async def test_a_server_that_is_down_is_named_with_its_address(make_client: MakeClient, upstream: Upstream) -> None:
    gone = upstream.base_url.replace(str(upstream.base_url.rpartition(":")[2]), "9")
    async with at_home(make_client, f"{gone}/v1", models=("m1",), key="proxy-key-123456") as client:
        with pytest.raises(Exhausted, match="no connection to") as caught:
            await client.complete("hi", model="local/m1")
    assert f"no connection to {gone}/v1/chat/completions" in str(caught.value)
    assert "proxy-key" not in json.dumps(str(caught.value))
