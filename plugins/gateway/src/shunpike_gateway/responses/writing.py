"""Answers as the Responses API has them: the object, its items and its errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shunpike.types import ToolCall, Usage
from shunpike_gateway.exchange import ApiError
from shunpike_gateway.responses.custom_input import whole_characters
from shunpike_gateway.responses.reading import ResponseFacts
from shunpike_gateway.responses.tools import ToolTable, input_of_custom
from shunpike_gateway.tool_ids import safe_id

Json = dict[str, Any]
_DEFAULTS: Mapping[str, Any] = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
"""What an answer says of each field of its request that was not given."""
_UNHEARD = frozenset({"background", "frequency_penalty", "presence_penalty", "max_tool_calls", "truncation"})
"""Fields of which an answer says what was done: nothing, whatever was asked for."""
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Finish reason → why the answer is incomplete."""
CONTEXT, QUOTA, RATE = "context_length_exceeded", "insufficient_quota", "rate_limit_exceeded"
_OF_PROBLEMS = {400: "invalid_prompt", 413: CONTEXT, 429: RATE}


def response_id(request_id: str) -> str:
    """Return the id of the answer to a request."""
    return f"resp_{request_id.removeprefix('req_')}"


class ResponseFormat:
    """The object of one answer; ``created`` is epoch seconds."""

    def __init__(self, facts: ResponseFacts, request_id: str, created: float, model: str) -> None:
        self.model = model
        self._created = int(created)
        self._head = {"id": response_id(request_id), "object": "response", "created_at": self._created}
        self._told = _told(facts)

    def body(self, status: str, output: Sequence[Json], **more: Any) -> Json:
        """Return the object; ``more`` are fields that are null without it."""
        return {
            **self._head,
            "status": status,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": list(output),
            **self._told,
            "usage": None,
            **more,
        }

    def ended(self, finish_reason: str, output: Sequence[Json], usage: Usage, at: float) -> Json:
        """Return the object of an answer that is there; ``at`` is epoch seconds."""
        why = _INCOMPLETE.get(finish_reason)
        more: Json = (
            {"completed_at": max(self._created, int(at))} if why is None else {"incomplete_details": {"reason": why}}
        )
        return self.body("completed" if why is None else "incomplete", output, usage=usage_body(usage), **more)

    def failed(self, problem: ApiError, output: Sequence[Json]) -> Json:
        """Return the object of an answer that failed."""
        return self.body("failed", output, error={"code": code_of(problem), "message": message_of(problem)})


def _told(facts: ResponseFacts) -> Json:
    asked = facts.body
    found = {
        name: default if name in _UNHEARD or asked.get(name) is None else asked[name]
        for name, default in _DEFAULTS.items()
    }
    text, thinking = asked.get("text") or {}, asked.get("reasoning") or {}
    named = {"user": asked["user"]} if isinstance(asked.get("user"), str) else {}
    return {
        **found,
        **named,
        "metadata": asked.get("metadata") or {},
        "reasoning": {"effort": thinking.get("effort"), "summary": thinking.get("summary")},
        "store": facts.is_kept,
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": text.get("verbosity") or "medium"},
        "tools": [_tool(one) for one in asked.get("tools") or ()],
    }


def _tool(tool: Json) -> Json:
    return {"parameters": None, "strict": False, **tool} if tool["type"] == "function" else tool


def usage_body(usage: Usage) -> Json:
    """Return the tokens of an answer; all of them are always there."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def reasoning_item(item_id: str, text: str, status: str, *, is_summarized: bool) -> Json:
    """Return thoughts as an item: as a summary where one was asked for, else as they are."""
    kind = "summary_text" if is_summarized else "reasoning_text"
    parts = [{"type": kind, "text": text}] if text else []
    told = {"summary": parts} if is_summarized else {"summary": [], "content": parts}
    return {"id": item_id, "type": "reasoning", **told, "encrypted_content": None, "status": status}


def message_item(item_id: str, content: Sequence[Json], status: str) -> Json:
    """Return what the model says as an item."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": list(content)}


def text_part(text: str, annotations: Sequence[Json] = (), logprobs: Sequence[Json] = ()) -> Json:
    """Return a text of a message."""
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": list(logprobs)}


def refusal_part(text: str) -> Json:
    """Return a refusal of a message."""
    return {"type": "refusal", "refusal": text}


def call_item(item_id: str, call: ToolCall, tools: ToolTable, status: str) -> Json:
    """Return a call as the client's tool has it."""
    tool = tools.tool(call.function.name)
    namespace = {} if tool.namespace is None else {"namespace": tool.namespace}
    named = {"call_id": safe_id(call.id), "name": tool.name, **namespace}
    arguments = call.function.arguments
    if tool.is_custom:
        told = {"type": "custom_tool_call", **named, "input": input_of_custom(arguments)}
    else:
        told = {"type": "function_call", **named, "arguments": whole_characters(arguments)}
    return {"id": item_id, "status": status, **told}


def annotation(cited: Mapping[str, Any], length: int) -> Json | None:
    """Return a citation of chat completions as one of a message with so many characters; None for another kind."""
    inner = cited.get("url_citation")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("url"), str):
        return None
    start, end = inner.get("start_index"), inner.get("end_index")
    return {
        "type": "url_citation",
        "url": inner["url"],
        "title": inner.get("title") or "",
        "start_index": start if isinstance(start, int) else 0,
        "end_index": end if isinstance(end, int) else length,
    }


def annotations_of(cited: Iterable[Mapping[str, Any]], length: int) -> list[Json]:
    """Return the citations that a message can hold."""
    return [found for one in cited if (found := annotation(one, length)) is not None]


def logprobs_of(told: Mapping[str, Any] | None) -> list[Json]:
    """Return the log probabilities of a text, as chat completions tell them."""
    rows = (told or {}).get("content") or ()
    return [_logprob(row) for row in rows if isinstance(row, Mapping)]


def _logprob(row: Mapping[str, Any]) -> Json:
    found: Json = {name: row.get(name) for name in ("token", "logprob")}
    found["bytes"] = row.get("bytes") or list(str(row.get("token") or "").encode("utf-8", "replace"))
    found["top_logprobs"] = [_logprob({**one, "top_logprobs": ()}) for one in row.get("top_logprobs") or ()]
    return found


def code_of(problem: ApiError) -> str:
    """Return the code in which an answer that failed tells why; agents act on three of them."""
    if problem.too_large or problem.code == CONTEXT:
        return CONTEXT
    if problem.code == QUOTA:
        return QUOTA
    return _OF_PROBLEMS.get(problem.status, "server_error")


def message_of(problem: ApiError) -> str:
    """Return what happened; where it may be tried again soon, in the words in which agents look for the time."""
    if code_of(problem) != RATE or problem.retry_after is None or "try again in" in problem.message:
        return problem.message
    return f"{problem.message.rstrip('.')}. Please try again in {max(1, round(problem.retry_after))}s."
