"""What scenarios on OpenAI's SDK, and on SDKs made after it, have in common; each of them brings pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import CITY_QUESTION, QUESTION, TWO_TOOLS, WEATHER_QUESTION, WEATHER_TOOL
from pydantic import BaseModel

ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
BOTH_TOOLS = "Use get_weather and get_time for Paris."


class City(BaseModel):
    city: str
    days: int


def usage(answer: Any) -> list[int]:
    return [answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens]


def joined(chunks: Sequence[Any]) -> dict[str, Any]:
    """Return what the chunks of a stream say together; the last one bears the usage."""
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish": [choice.finish_reason for choice in choices if choice.finish_reason],
        "usage": usage(chunks[-1]),
    }


def tool_called(chat: Any, model: str) -> dict[str, Any]:
    """Return which tool was called, and the text of the answer to its result."""
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    message = chat.create(model=model, messages=asked, tools=[WEATHER_TOOL]).choices[0].message
    (call,) = message.tool_calls
    asked += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}]
    answer = chat.create(model=model, messages=asked, tools=[WEATHER_TOOL])
    return {
        "name": call.function.name,
        "arguments": call.function.arguments,
        "content": message.content,
        "text": answer.choices[0].message.content,
    }


def tools_streamed(chat: Any, model: str) -> dict[str, Any]:
    """Return which tools were called in a stream, as the SDK puts it together."""
    asked = [{"role": "user", "content": BOTH_TOOLS}]
    with chat.stream(model=model, messages=asked, tools=TWO_TOOLS) as events:
        kinds = {event.type for event in events}
        message = events.get_final_completion().choices[0]
    calls = [[call.function.name, call.function.arguments] for call in message.message.tool_calls]
    return {"calls": calls, "finish": message.finish_reason, "events": sorted(kinds)}


def parsed(chat: Any, model: str) -> dict[str, Any]:
    """Return what an answer was read as."""
    asked = [{"role": "user", "content": CITY_QUESTION}]
    found = chat.parse(model=model, messages=asked, response_format=City).choices[0].message.parsed
    return {"kind": type(found).__name__, "city": found.city, "days": found.days}
