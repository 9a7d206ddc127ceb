"""An answer as Anthropic's ``message``, and why it ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from shunpike.tokens import prompt_tokens
from shunpike.types import ChatRequest, Completion, Message, ToolCall, Usage
from shunpike_gateway.messages.checks import Json
from shunpike_gateway.messages.request import MessagesFacts
from shunpike_gateway.tool_ids import safe_id

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def message_body(facts: MessagesFacts, request: ChatRequest, done: Completion) -> Json:
    """Return a whole answer."""
    content = content_of(done, facts.names)
    return {
        "id": message_id(done.request_id),
        "type": "message",
        "role": "assistant",
        "model": done.model,
        "content": content,
        "stop_reason": stop_reason(done, calls=any(one["type"] == "tool_use" for one in content)),
        "stop_sequence": None,
        "usage": usage_body(done.usage, request),
    }


def content_of(done: Completion, names: Mapping[str, str]) -> list[Json]:
    """Return the blocks of an answer; a call that was cut off in its midst is left out, as nobody could run it."""
    message = done.message
    found: list[Json] = []
    if message.reasoning:
        found.append({"type": "thinking", "thinking": message.reasoning, "signature": signature(done.request_id)})
    if said := words(message):
        found.append({"type": "text", "text": said})
    for call in message.tool_calls or ():
        given = arguments(call)
        if given is None and done.finish_reason == "length":
            continue
        # What is no object can't be said: the client tells the model so, which then sees what it wrote.
        given = {"arguments": call.function.arguments} if given is None else given
        name = names.get(call.function.name, call.function.name)
        found.append({"type": "tool_use", "id": safe_id(call.id), "name": name, "input": given})
    return found


def words(message: Message) -> str:
    """Return what is said, or why it is not."""
    return message.text or message.refusal or ""


def arguments(call: ToolCall) -> Json | None:
    """Return what a call gives its tool, None where that is no object."""
    try:
        given = json.loads(call.function.arguments or "{}")
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def stop_reason(done: Completion, *, calls: bool) -> str:
    """Return why the answer ended. One that calls tools says so whatever its end is called: a client loops otherwise.

    Only of one that was cut off in a call, the cut is told: that call can't be run.
    """
    if calls and not _cut_in_a_call(done):
        return "tool_use"
    if done.message.refusal and not done.message.text:
        return "refusal"
    reason = _STOPS.get(done.finish_reason, "end_turn")
    return "end_turn" if reason == "tool_use" else reason


def _cut_in_a_call(done: Completion) -> bool:
    last = done.tool_calls[-1] if done.tool_calls else None
    return done.finish_reason == "length" and last is not None and arguments(last) is None


def usage_body(usage: Usage, request: ChatRequest) -> Json:
    """Return what an answer took. Nothing is ever told as a prompt of zero: agents then compact for ever."""
    prompt = usage.prompt_tokens or estimated(request)
    cached = min(usage.cached_tokens, prompt)
    written = min(usage.cache_write_tokens, prompt - cached)
    fresh = prompt - cached - written
    if not fresh:
        # A sum that stays true, with a count of new tokens that a client takes for one.
        fresh, cached = 1, max(0, cached - 1)
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }


def estimated(request: ChatRequest) -> int:
    """Return the tokens of a prompt before anybody has counted them; at least one."""
    return max(1, prompt_tokens(request))


def message_id(request_id: str) -> str:
    """Return the id of a message; it names the request."""
    return f"msg_{request_id.removeprefix('req_')}"


def signature(request_id: str) -> str:
    """Return what stands where Anthropic signs a thought: clients keep only thoughts that are signed."""
    return base64.b64encode(f"shunpike {request_id}".encode()).decode()


def tokens_body(tokens: int) -> Json:
    """Return the answer of ``count_tokens``."""
    return {"input_tokens": max(1, tokens)}
