"""`ApiDialect` of ``/v1/messages``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.types import Completion
from shunpike_gateway.exchange import ApiError, ApiRequest, Head
from shunpike_gateway.messages.answer import message_body, tokens_body
from shunpike_gateway.messages.errors import error_body
from shunpike_gateway.messages.events import MessageEvents
from shunpike_gateway.messages.request import read_request


class MessagesDialect:
    """Translates between Anthropic's Messages API and the core."""

    def read(self, body: Mapping[str, Any], head: Head) -> ApiRequest:
        """Return the request of a body. Raises `RejectedBody` naming the field."""
        del head
        return read_request(body)

    def answer(self, asked: ApiRequest, done: Completion) -> Mapping[str, Any]:
        """Return the body of a whole answer."""
        return message_body(asked.facts, asked.request, done)

    def events(self, asked: ApiRequest, request_id: str, created: float) -> MessageEvents:
        """Return the writer of a streamed answer."""
        del created
        return MessageEvents(asked, request_id)

    def error(self, problem: ApiError) -> Mapping[str, Any]:
        """Return the body of an error."""
        return error_body(problem)

    def count(self, tokens: int) -> Mapping[str, Any]:
        """Return what ``count_tokens`` answers for a prompt of so many."""
        return tokens_body(tokens)
