"""An answer of the Responses API as it is made: events that are numbered, each with its type inside its data."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import to_json

from shunpike.types import Chunk, Completion, FunctionCall, ToolCall, ToolCallDelta
from shunpike_gateway.exchange import ApiError
from shunpike_gateway.responses.open_items import Events, OpenCall, OpenItem, OpenMessage, OpenReasoning
from shunpike_gateway.responses.reading import ResponseFacts
from shunpike_gateway.responses.writing import Json, ResponseFormat, code_of, logprobs_of, message_of


class ResponseEvents:
    """`EventWriter` of the Responses API. The items of the last event are those that were told before it."""

    def __init__(
        self, facts: ResponseFacts, request_id: str, created: float, model: str, keep: Callable[[Json], None]
    ) -> None:
        self._facts = facts
        self._keep = keep
        self._ids = request_id.removeprefix("req_")
        self._format = ResponseFormat(facts, request_id, created, model)
        self._number = 0
        self._places = 0
        self._done: dict[int, Json] = {}
        """Place → the item that is whole."""
        self._reasoning: OpenReasoning | None = None
        self._message: OpenMessage | None = None
        self._calls: dict[int, OpenCall] = {}
        self._called: set[int] = set()

    def served(self, model: str, prompt_tokens: int) -> None:
        """Note which model answers."""
        del prompt_tokens
        self._format.model = model

    def opening(self) -> bytes:
        """Return the two events with which each answer begins."""
        body = self._format.body("in_progress", [])
        return self._written([("response.created", {"response": body}), ("response.in_progress", {"response": body})])

    def silence(self) -> bytes:
        """Return an event that says that it goes on: no timer of a client's hears a comment."""
        return self._written([("response.in_progress", {"response": self._format.body("in_progress", self._output())})])

    def chunk(self, chunk: Chunk) -> bytes:
        """Return the events of ``chunk``."""
        if chunk.index:
            return b""
        self._format.model = chunk.model or self._format.model
        found: Events = []
        if chunk.text_in_all is not None and self._message is not None:
            self._message.correct(chunk.text_in_all)
        if chunk.reasoning_in_all is not None and self._reasoning is not None:
            self._reasoning.correct(chunk.reasoning_in_all)
        if chunk.reasoning:
            found += self._think(chunk.reasoning)
        if chunk.text:
            found += self._say("output_text", chunk)
        if chunk.refusal:
            found += self._say("refusal", chunk)
        if chunk.annotations and self._message is not None:
            found += self._message.cite(chunk.annotations)
        for delta in chunk.tool_calls:
            found += self._call(delta)
        return self._written(found)

    def end(self, done: Completion) -> bytes:
        """Return the ends of all items, and that of the answer."""
        status = "incomplete" if done.finish_reason in ("length", "content_filter") else "completed"
        found = [event for one in self._open() for event in self._close(one, status)]
        self._format.model = done.model
        body = self._format.ended(done.finish_reason, self._output(), done.usage, done.created + done.seconds)
        self._keep(body)
        return self._written([*found, (f"response.{body['status']}", {"response": body})])

    def failure(self, problem: ApiError) -> bytes:
        """Return the error. Items that are not whole are not ended: nobody runs half a call."""
        code, message = code_of(problem), message_of(problem)
        error = {"type": problem.kind, "code": code, "message": message, "param": problem.param}
        told = {"code": code, "message": message, "param": problem.param, "error": error}
        failed = self._format.failed(problem, self._output())
        return self._written([("error", told), ("response.failed", {"response": failed})])

    def _output(self) -> list[Json]:
        return [self._done[place] for place in sorted(self._done)]

    def _new(self, kind: str) -> tuple[str, int]:
        place, self._places = self._places, self._places + 1
        return f"{kind}_{self._ids}_{place}", place

    def _think(self, text: str) -> Events:
        found: Events = []
        if self._reasoning is None:
            found += self._leave()
            self._reasoning = OpenReasoning(*self._new("rs"), is_summarized=self._facts.is_summarized)
            found += self._reasoning.begin()
        return found + self._reasoning.add(text)

    def _say(self, kind: str, chunk: Chunk) -> Events:
        found: Events = []
        if self._message is None:
            found += self._leave()
            self._message = OpenMessage(*self._new("msg"))
            found += self._message.begin()
        if kind == "refusal":
            return found + self._message.add(kind, chunk.refusal)
        return found + self._message.add(kind, chunk.text, self._logprobs(chunk))

    def _logprobs(self, chunk: Chunk) -> list[Json]:
        return logprobs_of(chunk.logprobs) if self._facts.has_logprobs and chunk.logprobs else []

    def _call(self, delta: ToolCallDelta) -> Events:
        found: Events = []
        call = self._calls.get(delta.index)
        if call is None:
            if delta.index in self._called:
                return []
            found += self._leave()
            self._called.add(delta.index)
            name = delta.name or ""
            made = ToolCall(id=delta.id or f"call_{delta.index}", function=FunctionCall(name=name, arguments=""))
            kind = "ctc" if self._facts.tools.tool(name).is_custom else "fc"
            call = self._calls[delta.index] = OpenCall(*self._new(kind), made, self._facts.tools)
            found += call.begin()
        return found + (call.add(delta.arguments) if delta.arguments else [])

    def _leave(self) -> Events:
        """End what is whole when something new begins. A call may go on beside another one, until it is whole."""
        whole = [one for one in self._open() if not isinstance(one, OpenCall) or one.is_whole]
        return [event for one in whole for event in self._close(one, "completed")]

    def _open(self) -> list[OpenItem]:
        beside = (one for one in (self._reasoning, self._message) if one is not None)
        return sorted((*beside, *self._calls.values()), key=lambda one: one.place)

    def _close(self, one: OpenItem, status: str) -> Events:
        found = one.end(status)
        self._done[one.place] = one.item(status)
        if one is self._reasoning:
            self._reasoning = None
        elif one is self._message:
            self._message = None
        else:
            self._calls = {index: call for index, call in self._calls.items() if call is not one}
        return found

    def _written(self, events: Events) -> bytes:
        if len(events) == 1:
            return self._event(*events[0])
        return b"".join([self._event(*one) for one in events])

    def _event(self, kind: str, fields: Json) -> bytes:
        number, self._number = self._number, self._number + 1
        data = to_json({"type": kind, **fields, "sequence_number": number})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
