"""DeepSeek thinks unless told not to, and thoughts are billed: here it thinks when it is asked to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override

from shunpike.errors import ProviderError
from shunpike.types import Call
from shunpike.wire.chat import ChatBackend
from shunpike.wire.failures import Refused, classify, read_error

EFFORTS = {"minimal": "low", "low": "low", "medium": "high", "high": "high", "xhigh": "high", "max": "max"}
"""Our reasoning effort → DeepSeek's three."""
OVERFLOW = re.compile(r"\bmaximum context length is \d+ tokens")
"""The code of such a refusal is that of any bad request: the sentence is all there is."""
JSON_WORD = {"role": "system", "content": "Answer with one JSON object."}


class DeepSeekBackend(ChatBackend):
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
        mentioned = any("json" in message.text.lower() for message in call.request.messages)
        if "response_format" in body and not mentioned:
            body["messages"] = [JSON_WORD, *body["messages"]]
        return body

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Tell a prompt that is too long from other bad requests."""
        side = self._side
        if OVERFLOW.search(read_error(body).message):
            side = replace(side, dialect=self.dialect.model_copy(update={"statuses": {400: "context_overflow"}}))
        return classify(Refused(status, headers, body, self.clock.now()), side)


def may_think(call: Call) -> bool:
    """Whether thinking is wanted and possible.

    It refuses a forced tool, and a history of tool calls without the thoughts that led to them, such as one that
    another provider began.
    """
    request = call.request
    if request.reasoning_effort in (None, "none"):
        return False
    forced = request.tools and request.tool_choice not in (None, "auto", "none")
    strange = any(message.tool_calls and not message.reasoning for message in request.messages)
    return not forced and not strange
