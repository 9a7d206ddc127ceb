"""How an upstream talks: what the contract needs to script the answers of any provider's dialect."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from shunpike.types import Answer, Basis, ToolCall, Usage


class Wire(ABC):
    """Describes one dialect from the provider's side. All answers have one choice."""

    base_path: str = ""
    """What the base URL has behind its host, such as ``/v1beta``."""
    stream_type: str = "text/event-stream"
    """The content type of a streamed answer."""

    @abstractmethod
    def path(self, model: str, *, streamed: bool) -> str:
        """Return the path behind the base URL, without a query, that such a request goes to."""

    @abstractmethod
    def whole(self, answer: Answer) -> Any:
        """Return ``answer`` as the body of a unary answer: JSON types, or text or bytes as they are sent.

        The text, the tool calls, the finish reason, the model and the usage are looked at; an absent usage is left out.
        """

    def parts(self, answer: Answer, texts: Sequence[str]) -> Sequence[str]:
        """Return ``answer`` as the events of a stream, to its proper end; its text comes as ``texts``, one each.

        Only for a provider that streams.
        """
        raise NotImplementedError(f"{type(self).__name__}.parts must script a stream")

    @abstractmethod
    def refusal(self, status: int, message: str) -> Any:
        """Return the body of a refusal with this status."""

    def failed_part(self, status: int, message: str) -> str | None:
        """Return the event that tells a failure inside a stream; None where there is none."""
        del status, message
        return None

    @abstractmethod
    def output_cap(self, body: Any) -> object:
        """Return the bound on output tokens that a request's JSON holds, None where it holds none."""

    def models(self, ids: Sequence[str]) -> tuple[str, Any] | None:
        """Return path and body of the list of models; None where there is none."""
        del ids
        return None


class ChatCompletions(Wire):
    """The dialect of OpenAI's chat completions and of its many imitators."""

    @override
    def path(self, model: str, *, streamed: bool) -> str:
        return "/chat/completions"

    @override
    def whole(self, answer: Answer) -> Any:
        choice = answer.choices[0]
        calls = [_call(call) for call in choice.message.tool_calls or ()]
        message = {"role": "assistant", "content": choice.message.content, **({"tool_calls": calls} if calls else {})}
        return {
            **_frame(answer, "chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": choice.finish_reason, "logprobs": None}],
            **_usage(answer.usage),
        }

    @override
    def parts(self, answer: Answer, texts: Sequence[str]) -> Sequence[str]:
        choice, frame = answer.choices[0], _frame(answer, "chat.completion.chunk")
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": text} for text in texts)]
        for index, call in enumerate(choice.message.tool_calls or ()):
            deltas += _call_deltas(index, call)
        chunks = [{**frame, "choices": [_delta(delta)]} for delta in deltas]
        chunks.append({**frame, "choices": [_delta({}, choice.finish_reason)]})
        if usage := _usage(answer.usage):
            chunks.append({**frame, "choices": [], **usage})
        return [*map(event, chunks), "data: [DONE]\n\n"]

    @override
    def refusal(self, status: int, message: str) -> Any:
        return {"error": {"message": message, "type": _TYPES.get(status, "server_error"), "param": None, "code": None}}

    @override
    def failed_part(self, status: int, message: str) -> str | None:
        return event(self.refusal(status, message))

    @override
    def output_cap(self, body: Any) -> object:
        caps = {body[name] for name in ("max_completion_tokens", "max_tokens") if name in body}
        return caps.pop() if len(caps) == 1 else None

    @override
    def models(self, ids: Sequence[str]) -> tuple[str, Any] | None:
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "upstream"} for name in ids]
        return "/models", {"object": "list", "data": rows}


_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


def event(data: Any) -> str:
    """Return ``data`` as one server-sent event; characters beyond ASCII are sent as they are."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def measured(usage: Usage) -> bool:
    """Whether there is a usage to tell."""
    return usage.basis is not Basis.ABSENT


def _frame(answer: Answer, kind: str) -> dict[str, Any]:
    return {"id": "answer-1", "object": kind, "created": 1_795_000_000, "model": answer.model}


def _usage(usage: Usage) -> dict[str, Any]:
    if not measured(usage):
        return {}
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return {"usage": {**counts, "total_tokens": usage.total_tokens}}


def _call(call: ToolCall) -> Mapping[str, Any]:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _call_deltas(index: int, call: ToolCall) -> list[dict[str, Any]]:
    """Return a call in three fragments, as streams bring it."""
    text = call.function.arguments
    half = len(text) // 2
    opened = {"index": index, "id": call.id, "type": "function", "function": {"name": call.function.name}}
    rest = [{"index": index, "function": {"arguments": part}} for part in (text[:half], text[half:])]
    return [{"tool_calls": [fragment]} for fragment in (opened, *rest)]


def _delta(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}
