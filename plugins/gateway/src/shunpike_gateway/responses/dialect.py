"""The Responses API as `ApiDialect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shunpike.types import Completion, Message
from shunpike_gateway.exchange import ApiError, ApiRequest, Head
from shunpike_gateway.problems import openai_error
from shunpike_gateway.responses.events import ResponseEvents
from shunpike_gateway.responses.kept import KeptResponses
from shunpike_gateway.responses.reading import ResponseFacts, read_request
from shunpike_gateway.responses.writing import (
    Json,
    ResponseFormat,
    annotations_of,
    call_item,
    logprobs_of,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)


class ResponsesDialect:
    """`ApiDialect` of ``/v1/responses``; with ``kept``, answers can be named by later requests."""

    def __init__(self, kept: KeptResponses | None = None) -> None:
        self.kept = kept

    def read(self, body: Mapping[str, Any], head: Head) -> ApiRequest:
        """Return the request of a body."""
        return read_request(body, head, self.kept)

    def answer(self, asked: ApiRequest, done: Completion) -> Mapping[str, Any]:
        """Return the body of a whole answer."""
        facts: ResponseFacts = asked.facts
        told = ResponseFormat(facts, done.request_id, done.created, done.model)
        output = _output(facts, done)
        body = told.ended(done.finish_reason, output, done.usage, done.created + done.seconds)
        self._keep(facts, body)
        return body

    def events(self, asked: ApiRequest, request_id: str, created: float) -> ResponseEvents:
        """Return the writer of a streamed answer."""
        facts: ResponseFacts = asked.facts
        return ResponseEvents(facts, request_id, created, asked.request.model, lambda body: self._keep(facts, body))

    def error(self, problem: ApiError) -> Mapping[str, Any]:
        """Return the body of an error; what chat completions call messages is the input here."""
        return openai_error(replace(problem, param="input") if problem.param == "messages" else problem)

    def _keep(self, facts: ResponseFacts, body: Json) -> None:
        if self.kept is not None and facts.is_kept:
            self.kept.keep(facts.caller, body, facts.items)


def _output(facts: ResponseFacts, done: Completion) -> list[Json]:
    message, ids = done.message, done.request_id.removeprefix("req_")
    status = "incomplete" if done.finish_reason in ("length", "content_filter") else "completed"
    found: list[Json] = []
    if message.reasoning:
        summarized = facts.is_summarized
        found.append(reasoning_item(f"rs_{ids}_0", message.reasoning, "completed", is_summarized=summarized))
    if content := _content(message, logprobs_of(done.choices[0].logprobs) if facts.has_logprobs else []):
        found.append(message_item(f"msg_{ids}_{len(found)}", content, status))
    for call in message.tool_calls or ():
        kind = "ctc" if facts.tools.tool(call.function.name).is_custom else "fc"
        found.append(call_item(f"{kind}_{ids}_{len(found)}", call, facts.tools, status))
    return found


def _content(message: Message, logprobs: list[Json]) -> list[Json]:
    text = message.text
    found = [text_part(text, annotations_of(message.annotations or (), len(text)), logprobs)] if text else []
    return [*found, refusal_part(message.refusal)] if message.refusal else found
