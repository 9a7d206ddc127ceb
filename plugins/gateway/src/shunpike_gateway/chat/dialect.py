"""Chat completions as OpenAI has them: bodies into requests, answers and chunks into bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from shunpike.runtime.wishes import Wishes
from shunpike.types import Completion
from shunpike_gateway.chat.bodies import answer_body
from shunpike_gateway.chat.events import ChatEvents
from shunpike_gateway.chat.fields import fields_of, flag_of, unknown_of
from shunpike_gateway.chat.messages import messages_of
from shunpike_gateway.chat.tools import check_tools
from shunpike_gateway.chat_request import request_of
from shunpike_gateway.exchange import ApiDialect, ApiError, ApiRequest, Head, RejectedBody
from shunpike_gateway.problems import openai_error


class _Facts(NamedTuple):
    """What the answer goes by beside the request."""

    shows_usage: bool


class ChatDialect:
    """`ApiDialect` of ``/v1/chat/completions``."""

    def __init__(self, responses: ApiDialect | None = None) -> None:
        """Take bodies of the Responses API, too, which Cursor sends here: they are read by ``responses``."""
        self._responses = responses

    def read(self, body: Mapping[str, Any], head: Head) -> ApiRequest:
        """Return the request of a body."""
        if self._responses is not None and "messages" not in body and "input" in body:
            asked = self._responses.read(body, head)
            return replace(asked, facts=_facts(body))
        stream = flag_of(body, "stream")
        messages, dropped = messages_of(body.get("messages"))
        fields = fields_of(body)
        check_tools(fields)
        request = request_of({**fields, "messages": messages})
        return ApiRequest(request, Wishes(), stream, (*unknown_of(body), *dropped), facts=_facts(body))

    def answer(self, asked: ApiRequest, done: Completion) -> Mapping[str, Any]:
        """Return the body of a whole answer."""
        del asked
        return answer_body(done)

    def events(self, asked: ApiRequest, request_id: str, created: float) -> ChatEvents:
        """Return the writer of a streamed answer."""
        usage, origin = asked.facts.shows_usage, asked.provenance
        return ChatEvents(request_id, created, asked.request.model, shows_usage=usage, shows_origin=origin)

    def error(self, problem: ApiError) -> Mapping[str, Any]:
        """Return the body of an error."""
        return openai_error(problem)


def _facts(body: Mapping[str, Any]) -> _Facts:
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise RejectedBody("stream_options must be an object", param="stream_options")
    return _Facts(shows_usage=bool(options and flag_of(options, "include_usage")))
