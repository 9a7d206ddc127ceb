"""Requests as frameworks sent them, from the recordings where they lie: each is taken, and sent so that all take it."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shunpike.errors import ProviderError
from shunpike.types import Call, ChatRequest, ProviderSettings
from shunpike_sandbox.app import create_app
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import SimulatedWorld

ROOT = Path(os.environ.get("SHUNPIKE_RECORDINGS") or Path(__file__).parents[4] / "shared" / "recordings")
MODELS = {
    "groq": "openai/gpt-oss-120b",
    "together": "openai/gpt-oss-120b",
    "openrouter": "google/gemma-4-31b-it:free",
    "hyperbolic": "meta-llama/Llama-3.3-70B-Instruct",
    "openai": "gpt-4o-mini",
    "deepseek": "deepseek-flash",
}
UNABLE = ("unsupported", "context_overflow", "not_found")
"""What another model could do."""


def asked(path: Path) -> dict[str, Any] | None:
    """Return the body of a recorded chat request, where its provider took it."""
    recording = json.loads(path.read_bytes())
    request = recording.get("request", {})
    chat = recording.get("endpoint") in ("chat.completions", "openai.chat.completions")
    body = request.get("json") if chat and request.get("recorded") and recording["response"]["status"] < 300 else None
    return body if isinstance(body, dict) else None


BODIES = {path: body for path in sorted(ROOT.glob("*/*/*.json")) if (body := asked(path)) is not None}
pytestmark = pytest.mark.skipif(not BODIES, reason="the recordings are not part of the repository")
PENALTIES = {"presence_penalty", "frequency_penalty"}
STANDARD = (frozenset(ChatRequest.model_fields) - {"service_tier"}) | {"logprobs", "top_logprobs", *PENALTIES}
"""Other fields are one provider's own, and the caller's business, as are its built-in tools and strict schemas."""


def common(body: dict[str, Any]) -> dict[str, Any]:
    """Return of a body what is no provider's own."""
    kept = {name: value for name, value in body.items() if name in STANDARD}
    tools = [tool for tool in kept.pop("tools", None) or [] if tool.get("type") == "function"]
    if not tools:
        kept.pop("tool_choice", None)
        return kept
    return {**kept, "tools": [{**tool, "function": {**tool["function"], "strict": False}} for tool in tools]}


@pytest.mark.parametrize("path", BODIES, ids=lambda path: f"{path.parts[-2]}-{path.stem[:60]}")
async def test_a_request_that_a_framework_sent_is_taken_by_every_provider(path: Path) -> None:
    ChatRequest.model_validate(BODIES[path])
    request = ChatRequest.model_validate(common(BODIES[path]))
    app = create_app(SimulatedWorld())
    refused = []
    for name, model in MODELS.items():
        told = {"key": "sandbox-1", "base_url": f"http://sandbox{BASE_PATHS[name]}", "transport": InProcess(app)}
        backend = import_module(f"shunpike_{name}").plugin.backend(ProviderSettings.model_validate(told))
        try:
            await backend.complete(Call(request=request, model=model, max_output=50, attempt_id="a"))
        except ProviderError as error:
            if error.kind not in UNABLE and "unknown variant" not in str(error):  # Files, sound and film: so are those.
                refused.append((name, error.kind, str(error)))
        finally:
            await backend.aclose()
    assert refused == []
