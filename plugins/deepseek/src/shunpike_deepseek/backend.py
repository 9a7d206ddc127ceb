"""DeepSeek thinks unless told not to, and thoughts are billed: here it thinks when it is asked to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from shunpike.types import Call
from shunpike.wire.account import BalanceBackend

EFFORTS = {"minimal": "low", "low": "low", "medium": "high", "high": "high", "xhigh": "high", "max": "max"}
"""Our reasoning effort → DeepSeek's three."""
JSON_WORD = "Answer with one JSON object."


class DeepSeekBackend(BalanceBackend):
    """Sets ``thinking`` on every request and sees to what JSON mode wants."""

    @override
    def body(self, call: Call) -> dict[str, Any]:
        """Say whether to think; name JSON in the prompt where JSON is wanted, which DeepSeek insists on."""
        body = super().body(call)
        effort = body.pop("reasoning_effort", None)
        if "thinking" not in body:
            body["thinking"] = {"type": "enabled" if may_think(call) else "disabled"}
        if body["thinking"] == {"type": "enabled"} and effort is not None:
            body["reasoning_effort"] = EFFORTS.get(effort, "high")
        if body["thinking"] != {"type": "enabled"}:
            for message in body["messages"]:
                if not message.get("reasoning_content"):
                    message.pop("reasoning_content", None)
        if "response_format" in body and (word := json_word(call)):
            body["messages"] = [{"role": "system", "content": word}, *body["messages"]]
        return body


def json_word(call: Call) -> str:
    """Return what the prompt must say of JSON, empty where it says enough: a schema can be asked for in words only."""
    schema = (call.request.response_format or {}).get("json_schema")
    if isinstance(schema, Mapping) and schema.get("schema"):
        return f"{JSON_WORD[:-1]} that satisfies this JSON schema: {json.dumps(schema['schema'])}"
    mentioned = any("json" in message.text.lower() for message in call.request.messages)
    return "" if mentioned else JSON_WORD


def may_think(call: Call) -> bool:
    """Whether thinking is wanted and possible: together with a forced tool it is refused."""
    request = call.request
    if request.reasoning_effort in (None, "none"):
        return False
    forced = request.tools and request.tool_choice not in (None, "auto", "none")
    return not forced
