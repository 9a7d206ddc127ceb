"""Real answers of the seven providers, replayed: none surprises its plugin, and Google's are read to the letter."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from shunpike.assembly import Assembly
from shunpike.errors import ProviderError
from shunpike.types import Answer, Call, ChatRequest, ProviderSettings

ROOT = Path(os.environ.get("SHUNPIKE_RECORDINGS") or Path(__file__).parents[4] / "shared" / "recordings")
ENDPOINTS = ("chat.completions", "generateContent", "streamGenerateContent")
FILES = [path for path in sorted(ROOT.glob("*/*/*.json")) if json.loads(path.read_bytes())["endpoint"] in ENDPOINTS]

pytestmark = pytest.mark.skipif(not FILES, reason="the recordings are not part of the repository")


def read(path: Path) -> dict[str, Any]:
    recording: dict[str, Any] = json.loads(path.read_bytes())
    return recording


async def replay(path: Path) -> tuple[dict[str, Any], Answer | ProviderError]:
    recording = read(path)
    told = recording["response"]
    headers = {name: value for name, value in told["headers"].items() if not name.startswith(("transfer", "content-l"))}

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(told["status"], headers=headers, content=told["body"].encode())

    plugin = import_module(f"shunpike_{recording['provider']}").plugin
    settings = ProviderSettings.model_validate({"key": "sk-0123456789", "transport": httpx.MockTransport(answer)})
    backend = plugin.backend(settings)
    model = recording["model"].removeprefix("models/") or "unknown"
    call = Call(request=ChatRequest(messages="hi"), model=model, max_output=50, attempt_id="a")
    try:
        if not recording["stream"]:
            return recording, await backend.complete(call)
        assembly = Assembly(provider=recording["provider"], model=model)
        async with backend.stream(call) as flow:
            async for chunk in flow:
                assembly.add(chunk)
        return recording, assembly.answer()
    except ProviderError as error:
        return recording, error
    finally:
        await backend.aclose()


def second_reading(recording: dict[str, Any]) -> dict[str, Any]:
    """What somebody else read out of the same bytes; Google's is flat, the others' has choices."""
    summary = recording["summary"]
    return summary["choices"][0] if "choices" in summary else summary


def counted(usage: dict[str, Any]) -> tuple[int, int]:
    if "promptTokenCount" in usage:
        return usage["promptTokenCount"], usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    return usage["prompt_tokens"], usage["completion_tokens"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-2]}-{path.stem[:60]}")
async def test_a_recorded_answer_is_read_as_others_read_it_and_a_refusal_is_an_error(path):
    recording, outcome = await replay(path)

    if recording["response"]["status"] >= 400:
        assert isinstance(outcome, ProviderError)
        assert outcome.status == recording["response"]["status"]
    elif isinstance(outcome, Answer) and "summary" in recording:
        told, message = second_reading(recording), outcome.choices[0].message
        text = told.get("text") or ""
        if text.startswith("<think>"):  # The second reading leaves it there, we tell it apart.
            thought, _, text = (part.strip() for part in text.removeprefix("<think>").partition("</think>"))
            assert message.reasoning == thought
        assert message.text == text
        named = [call["name"] for call in told["tool_calls"] if call["name"]]
        # The second reading leaves out the older single function_call; for us it is a call as well.
        if "legacy_function_call" not in recording["features"]:
            assert [call.function.name for call in message.tool_calls or ()] == named
        if usage := recording["summary"].get("usage"):
            prompt, completion = counted(usage)
            # Google counts the prompts of its own tools beside the prompt.
            assert outcome.usage.prompt_tokens == prompt or "promptTokenCount" in usage
            assert outcome.usage.prompt_tokens >= prompt
            assert outcome.usage.completion_tokens == completion
