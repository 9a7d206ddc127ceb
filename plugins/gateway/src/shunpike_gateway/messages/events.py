"""A streamed answer as Anthropic's events: one block after the other, each opened, filled and closed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from shunpike.types import Chunk, Completion, ToolCall, ToolCallDelta
from shunpike_gateway.exchange import ApiError, ApiRequest
from shunpike_gateway.messages.answer import estimated, message_id, signature, stop_reason, usage_body, words
from shunpike_gateway.messages.errors import error_body
from shunpike_gateway.tool_ids import safe_id

_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":'


@dataclass
class _OpenCall:
    """A call whose block is open: its fragments may still come."""

    block: int
    arguments: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        try:
            return isinstance(json.loads("".join(self.arguments)), dict)
        except ValueError:
            return False


class MessageEvents:
    """`EventWriter` of the Messages API."""

    def __init__(self, asked: ApiRequest, request_id: str) -> None:
        self._asked = asked
        self._request_id = request_id
        self._model: str = asked.facts.model
        self._prompt_tokens: int | None = None
        self._blocks = 0
        self._kind = ""
        """Of the block of words that is open, which is the last one: text or thinking; empty = none is."""
        self._calls: dict[int, _OpenCall] = {}
        """Those whose blocks are open, by their number in the answer."""
        self._told: set[int] = set()
        """The numbers of all calls that have a block."""

    def served(self, model: str, prompt_tokens: int) -> None:
        """Note which model answers, and the prompt as it was counted."""
        self._model, self._prompt_tokens = model, prompt_tokens

    def opening(self) -> bytes:
        """Return the start of the message, with an estimate of its prompt: clients reckon with it until the end."""
        tokens = self._prompt_tokens or estimated(self._asked.request)
        usage = {"input_tokens": tokens, "output_tokens": 1}
        message: dict[str, Any] = {
            "id": message_id(self._request_id),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**usage, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
        }
        return _event("message_start", message=message)

    def silence(self) -> bytes:
        """Return a ping."""
        return _PING

    def chunk(self, chunk: Chunk) -> bytes:
        """Return what tells of ``chunk``; of several choices the first alone is asked for, and told."""
        if chunk.index or not chunk.has_content:
            return b""
        found = self._said("thinking", "thinking_delta", chunk.reasoning)
        found += self._said("text", "text_delta", chunk.text or chunk.refusal)
        for delta in chunk.tool_calls:
            found += self._called(delta)
        return found

    def end(self, done: Completion) -> bytes:
        """Return the end of all blocks and of the message, with its true usage."""
        found = b"" if self._blocks else self._said("text", "text_delta", words(done.message))
        begun = dict(enumerate(sorted(self._told)))
        for place, call in enumerate(done.tool_calls):
            found += self._missing(begun.get(place, place), call)
        found += self._close_words()
        found += b"".join(_event("content_block_stop", index=call.block) for call in self._calls.values())
        self._calls.clear()
        reason = stop_reason(done, calls=bool(self._told))
        delta: dict[str, Any] = {"stop_reason": reason, "stop_sequence": None}
        usage = usage_body(done.usage, self._asked.request)
        return found + _event("message_delta", delta=delta, usage=usage) + _STOP

    def failure(self, problem: ApiError) -> bytes:
        """Return the error, which ends the stream."""
        body = error_body(problem)
        return _event("error", **{name: value for name, value in body.items() if name != "type"})

    def _said(self, kind: str, delta: str, text: str) -> bytes:
        if not text:
            return b""
        begun = b""
        if self._kind != kind:
            begun = self._close_words() + self._close_whole_calls()
            empty = {"thinking": "", "signature": ""} if kind == "thinking" else {"text": ""}
            begun += self._begin({"type": kind, **empty})
            self._kind = kind
        field_ = b"thinking" if kind == "thinking" else b"text"
        head = b'%d,"delta":{"type":"%b","%b":' % (self._blocks - 1, delta.encode(), field_)
        return begun + _DELTA + head + to_json(text) + b"}}\n\n"

    def _called(self, delta: ToolCallDelta) -> bytes:
        begun = b""
        if delta.index not in self._told:
            if not delta.name:
                return b""  # It is told at the end, when its name is known.
            begun = self._begin_call(delta.index, delta.id or f"call_{self._request_id}_{delta.index}", delta.name)
        call = self._calls.get(delta.index)
        if call is None or not delta.arguments:
            return begun
        call.arguments.append(delta.arguments)
        return begun + _fragment(call.block, delta.arguments)

    def _begin_call(self, number: int, told: str, name: str) -> bytes:
        found = self._close_words() + self._close_whole_calls()
        own = self._asked.facts.names.get(name, name)
        found += self._begin({"type": "tool_use", "id": safe_id(told), "name": own, "input": {}})
        self._calls[number] = _OpenCall(self._blocks - 1)
        self._told.add(number)
        return found

    def _missing(self, number: int, call: ToolCall) -> bytes:
        """Return what the chunks have not told of a call that the whole answer has."""
        found = b""
        if number not in self._told:
            found = self._begin_call(number, call.id, call.function.name)
        opened = self._calls.get(number)
        if opened is None or opened.arguments or call.function.arguments == "{}":
            return found
        opened.arguments.append(call.function.arguments)
        return found + _fragment(opened.block, call.function.arguments)

    def _begin(self, block: dict[str, Any]) -> bytes:
        self._blocks += 1
        return _event("content_block_start", index=self._blocks - 1, content_block=block)

    def _close_words(self) -> bytes:
        kind, self._kind = self._kind, ""
        if not kind:
            return b""
        index, signed = self._blocks - 1, b""
        if kind == "thinking":
            delta = {"type": "signature_delta", "signature": signature(self._request_id)}
            signed = _event("content_block_delta", index=index, delta=delta)
        return signed + _event("content_block_stop", index=index)

    def _close_whole_calls(self) -> bytes:
        """Return the ends of calls to which nothing can be added; those that go on beside another one stay open."""
        whole = [number for number, call in self._calls.items() if call.is_whole]
        return b"".join(_event("content_block_stop", index=self._calls.pop(number).block) for number in whole)


def _fragment(block: int, text: str) -> bytes:
    return _DELTA + b'%d,"delta":{"type":"input_json_delta","partial_json":' % block + to_json(text) + b"}}\n\n"


def _event(name: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json({"type": name, **fields}))
