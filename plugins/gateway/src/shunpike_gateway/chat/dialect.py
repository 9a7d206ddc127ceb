"""Chat completions as OpenAI has them: bodies into requests, answers and chunks into bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from shunpike.openai_format import ChunkFormat, completion_body
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, Chunk, Completion
from shunpike.validation import about
from shunpike_gateway.exchange import ApiError, ApiRequest, Head, RejectedBody

_FIELDS = frozenset(ChatRequest.model_fields) - {"stream", "stream_options"}


class ChatDialect:
    """`ApiDialect` of ``/v1/chat/completions``."""

    def read(self, body: Mapping[str, Any], head: Head) -> ApiRequest:
        """Return the request of a body."""
        del head
        try:
            request = ChatRequest.model_validate({name: body[name] for name in _FIELDS if body.get(name) is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise RejectedBody(about(first), param=".".join(map(str, first["loc"]))) from None
        return ApiRequest(
            request, Wishes(), stream=bool(body.get("stream")), facts=_options(body.get("stream_options"))
        )

    def answer(self, asked: ApiRequest, done: Completion) -> Mapping[str, Any]:
        """Return the body of a whole answer."""
        del asked
        return completion_body(done.request_id, done.created, done.model, done.choices, done.usage)

    def events(self, asked: ApiRequest, request_id: str, created: float) -> ChatEvents:
        """Return the writer of a streamed answer."""
        return ChatEvents(ChunkFormat(request_id, created, asked.request.model), asked.facts)

    def error(self, problem: ApiError) -> Mapping[str, Any]:
        """Return the body of an error."""
        return {
            "error": {
                "message": problem.message,
                "type": problem.kind,
                "param": problem.param,
                "code": problem.code,
                "hint": problem.hint,
                "request_id": problem.request_id,
                "retry_at": problem.retry_at,
                "attempts": list(problem.attempts),
            }
        }


class ChatEvents:
    """`EventWriter` of chat completions."""

    def __init__(self, format_: ChunkFormat, options: Mapping[str, Any]) -> None:
        self._format = format_
        self._options = options

    def opening(self) -> bytes:
        """Return nothing: the first chunk opens the answer."""
        return b""

    def silence(self) -> bytes:
        """Return a comment."""
        return b": waiting\n\n"

    def chunk(self, chunk: Chunk) -> bytes:
        """Return ``chunk`` as an event."""
        return _event(self._format.body(chunk))

    def end(self, done: Completion) -> bytes:
        """Return the usage where it was asked for, and the end."""
        usage = _event(self._format.usage(done.usage)) if self._options.get("include_usage") else b""
        return usage + b"data: [DONE]\n\n"

    def failure(self, problem: ApiError) -> bytes:
        """Return the error as an event; no end follows."""
        return _event(ChatDialect().error(problem))


def _event(body: Mapping[str, Any] | None) -> bytes:
    return b"" if body is None else b"data: " + to_json(body) + b"\n\n"


def _options(value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise RejectedBody("stream_options must be an object", param="stream_options")
    return value or {}
