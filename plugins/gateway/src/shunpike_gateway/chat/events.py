"""A streamed chat completion, chunk by chunk as OpenAI sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from shunpike.openai_format import ChunkFormat
from shunpike.types import Chunk, Completion
from shunpike_gateway.chat.bodies import with_safe_calls
from shunpike_gateway.exchange import ApiError
from shunpike_gateway.problems import openai_error
from shunpike_gateway.provenance import FIELD, told_of

DONE = b"data: [DONE]\n\n"


class ChatEvents:
    """`EventWriter` of chat completions."""

    def __init__(self, request_id: str, created: float, model: str, *, shows_usage: bool, shows_origin: bool) -> None:
        self._format = ChunkFormat(request_id, created, model)
        self._model: str | None = None
        self._shows_usage, self._shows_origin = shows_usage, shows_origin

    def served(self, model: str, prompt_tokens: int) -> None:
        """Note which model answers."""
        del prompt_tokens
        self._model = model

    def opening(self) -> bytes:
        """Return the chunk that names the role."""
        return event(self._format.beginning(self._model))

    def silence(self) -> bytes:
        """Return a chunk that adds nothing: comments are not seen by every client, or break it."""
        return event(self._format.nothing())

    def chunk(self, chunk: Chunk) -> bytes:
        """Return ``chunk`` as an event."""
        body = self._format.body(chunk)
        if body is None:
            return b""
        if not chunk.is_plain:
            delta = body["choices"][0]["delta"]
            if "reasoning_content" in delta:
                delta["reasoning"] = delta["reasoning_content"]
            with_safe_calls(delta)
        return event(body)

    def end(self, done: Completion) -> bytes:
        """Return usage and origin where they were asked for, and the end."""
        last = self._format.usage(done.usage) if self._shows_usage else None
        if self._shows_origin:
            last = {**(last or self._format.nothing()), FIELD: told_of(done)}
        return DONE if last is None else event(last) + DONE

    def failure(self, problem: ApiError) -> bytes:
        """Return the error as an event; no end follows, which would say that the answer is whole."""
        return event(openai_error(problem))


def event(body: Mapping[str, Any]) -> bytes:
    """Return ``body`` as a server-sent event."""
    return b"data: " + to_json(body) + b"\n\n"
