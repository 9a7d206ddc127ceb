"""The bench on which a backend is tried: its scripted upstream, and questions to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shunpike.protocols import Backend, Streams
from shunpike.types import (
    Answer,
    Call,
    ChatRequest,
    Choice,
    Chunk,
    FunctionCall,
    Message,
    Timeouts,
    ToolCall,
    Usage,
)
from shunpike.wire import Assembly
from shunpike_testkit.upstream import Upstream

TIMES = Timeouts(connect=5, first_token=10, idle=10, total=15)
"""Long enough for a slow machine, short enough that nothing hangs for ever."""
TEXTS = ("1st: Grüße aus dem Tal. ", "2nd: 山の向こうへ 🚙 ", '3rd: a \\ and a "quote"\n', "4th: the end.")
"""A text as it is streamed: characters of two, three and four bytes, and such as JSON must escape."""
MARKERS = tuple(text[:4] for text in TEXTS)
"""What tells the texts apart in whatever they are encoded in."""
SERVED = "served-model-1"
"""The model that the upstream says it answered with."""
USAGE = Usage(prompt_tokens=11, completion_tokens=7)
TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather at a place.",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
        },
    },
)
CALLS = (
    ToolCall(id="call-1", function=FunctionCall(name="weather", arguments='{"place": "Uri"}')),
    ToolCall(id="call-2", function=FunctionCall(name="weather", arguments='{"place": "Chur"}')),
)


def answer(*, text: str | None = "".join(TEXTS), finish: str = "stop", usage: Usage = USAGE) -> Answer:
    """Return an answer for the upstream to give."""
    message = Message(role="assistant", content=text)
    return Answer(model=SERVED, choices=(Choice(message=message, finish_reason=finish),), usage=usage)


def tool_answer() -> Answer:
    """Return an answer that asks for two tool calls."""
    message = Message(role="assistant", tool_calls=CALLS)
    return Answer(model=SERVED, choices=(Choice(message=message, finish_reason="tool_calls"),), usage=USAGE)


def summary(found: Answer) -> dict[str, Any]:
    """Return what a unary and a streamed answer must agree on."""
    choice = found.choices[0]
    return {
        "text": choice.message.text,
        "finish_reason": choice.finish_reason,
        "tool_calls": calls(found),
        "model": found.model,
        "prompt_tokens": found.usage.prompt_tokens,
        "completion_tokens": found.usage.completion_tokens,
        "basis": found.usage.basis.value,
    }


def calls(found: Answer) -> list[tuple[str, str]]:
    """Return name and arguments of each tool call."""
    made = found.choices[0].message.tool_calls or ()
    return [(call.function.name, call.function.arguments) for call in made]


@dataclass(frozen=True, slots=True)
class Bench:
    """A backend and the upstream that it talks to."""

    upstream: Upstream
    backend: Backend
    model: str

    def call(self, messages: Any = "How is the weather?", *, strict: bool = False, **request: Any) -> Call:
        """Return a call; ``request`` are parameters beside the messages."""
        return Call(
            request=ChatRequest(messages=messages, **request),
            model=self.model,
            max_output=64,
            attempt_id="conformance-1",
            timeouts=TIMES,
            strict=strict,
        )

    async def ask(self, way: str, call: Call | None = None) -> Answer:
        """Return the answer, asked for ``whole`` or ``streamed``."""
        call = call or self.call()
        if way == "whole":
            return await self.backend.complete(call)
        return gathered(await self.chunks(call, []), self.model)

    async def chunks(self, call: Call, found: list[Chunk]) -> Sequence[Chunk]:
        """Return the chunks of a streamed answer; they are put into ``found`` as they come."""
        if not isinstance(self.backend, Streams):
            raise TypeError(f"{type(self.backend).__name__} does not stream")
        async with self.backend.stream(call) as arriving:
            async for chunk in arriving:
                found.append(chunk)
        return found


def gathered(chunks: Sequence[Chunk], model: str) -> Answer:
    """Return the answer that ``chunks`` add up to."""
    assembly = Assembly(provider="upstream", model=model)
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.answer()
