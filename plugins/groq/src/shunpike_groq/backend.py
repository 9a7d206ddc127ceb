"""Groq answers in a schema only when it neither streams nor is given tools."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from shunpike.errors import NotHere
from shunpike.types import Call
from shunpike.wire.chat import ChatBackend

INLINE = "qwen/"
"""Prefix of the models whose thoughts stand in the text, between tags, unless they are asked for apart."""


class GroqBackend(ChatBackend):
    """Sends what Groq would refuse with 400 elsewhere instead: for others the request is a good one."""

    @override
    def body(self, call: Call) -> dict[str, Any]:
        """Ask for thoughts apart from the text where a model would else write them into it."""
        body = super().body(call)
        if call.model.startswith(INLINE) and not {"reasoning_format", "include_reasoning"} & set(body):
            body["reasoning_format"] = "parsed"
        return body

    @override
    def warnings(self, call: Call, *, streamed: bool) -> tuple[str, ...]:
        """Return what gets lost. Raises `NotHere` for a schema together with a stream or with tools."""
        if call.request.json_mode == "json_schema" and (streamed or call.request.tools):
            what = "a stream" if streamed else "tools"
            raise NotHere(
                f"groq can't combine a JSON schema with {what}",
                provider=self.info.id,
                model=call.model,
                kind="unsupported",
            )
        return super().warnings(call, streamed=streamed)
