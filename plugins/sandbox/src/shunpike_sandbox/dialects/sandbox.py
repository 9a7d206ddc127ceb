"""The sandbox's own endpoint: plain OpenAI shape, no key, no limits, no price, and it says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.openai import OpenAIService
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.names import OWN
from shunpike_sandbox.service import bearer


class SandboxService(OpenAIService):
    """``/sandbox/v1``."""

    provider_id = OWN
    manners = Manners()
    refuses_unknown = False

    @override
    def key(self, request: Request) -> str | None:
        """Every caller is welcome; a key only tells accounts apart."""
        key = bearer(request)
        # Strangers' keys must not grow the books.
        return key if key is not None and key.startswith(OWN) else OWN

    @override
    def screen(self, body: Mapping[str, Any]) -> None:
        """Check types only: here nothing excludes anything."""
        super(OpenAIService, self).screen(body)

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Read on: what OpenAI's models do not take is taken here."""
        return super(OpenAIService, self).ask(body, model)

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Nothing thinks here."""
        return False
