"""LangChain's standard tests of a chat model, on its client for OpenAI. Run by pytest in LangChain's environment."""

from __future__ import annotations

import base64
import os
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

RED = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def _picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the suite a picture of ours: it fetches its own from the network."""
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, content=RED))


class TestGateway(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        url = os.environ["GATEWAY_URL"]
        return {
            "base_url": f"{url}/v1",
            "api_key": "none",
            "model": "openai/gpt-4o-mini",
            "max_retries": 0,
            "stream_usage": True,
        }

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "openai/gpt-oss-120b"
