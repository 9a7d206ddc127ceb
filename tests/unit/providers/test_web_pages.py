"""A web page in the place of an answer is called one, with its address, streamed or not."""

from __future__ import annotations

from importlib import import_module

import httpx
import pytest

from shunpike.errors import Overloaded
from shunpike.types import Call, ChatRequest, ProviderSettings

PROVIDERS = ("google", "together", "groq", "openrouter", "hyperbolic", "openai", "deepseek")
PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Hotel Aurora</body></html>"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("label", "body", "said"),
    [
        ("text/html; charset=utf-8", PAGE, "the server answered with a web page (text/html)"),
        ("text/event-stream", f"\n\n{PAGE}", "the server answered with a web page (text/event-stream)"),
        ("text/plain", "Service is being set up.", "the answer is not JSON (text/plain)"),
    ],
)
async def test_what_is_no_answer_is_named_with_its_type_and_address(
    provider: str, streamed: bool, label: str, body: str, said: str
) -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, headers={"content-type": label}, content=body.encode())

    settings = ProviderSettings.model_validate({"key": "sk-0123456789", "transport": httpx.MockTransport(answer)})
    backend = import_module(f"shunpike_{provider}").plugin.shunpike_completion(provider=provider, settings=settings)
    call = Call(request=ChatRequest(messages="hi"), model="m", max_output=50, attempt_id="a")
    with pytest.raises(Overloaded) as caught:
        if streamed:
            async with backend.stream(call) as chunks:
                async for _ in chunks:
                    pass
        else:
            await backend.complete(call)
    await backend.aclose()
    assert caught.value.kind == "malformed"
    assert caught.value.message == f"{provider}: {said} (asked: {asked[0].partition('?')[0]})"
    assert "Aurora" not in f"{caught.value!r}"
