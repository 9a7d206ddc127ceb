"""Anthropic's SDK on messages, and an agent of twenty turns on it."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from anthropic import Anthropic, AsyncAnthropic
from harness import QUESTION, Stage, caught, step

MODEL = "auto"
THINKER = "openai/gpt-oss-120b"
"""Three of the emulated providers have it."""
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CITIES = ("Paris", "Rome", "Berlin", "Madrid", "Tokyo", "Lima", "Oslo", "Cairo", "Dublin", "Quito")


def client(stage: Stage, **options: Any) -> Anthropic:
    return Anthropic(**{"base_url": stage.root, "api_key": "none", "max_retries": 0, "timeout": 20, **options})


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def kinds_of(turns: list[Any]) -> list[str]:
    """Return the kinds of block that the assistant wrote, in all turns."""
    return sorted({block["type"] for turn in turns if turn["role"] == "assistant" for block in turn["content"]})


@step
def unary(stage: Stage) -> Any:
    message = client(stage).messages.create(model=MODEL, max_tokens=500, messages=ASKED, system="Be short.")
    return {
        "text": text_of(message),
        "stop": message.stop_reason,
        "role": message.role,
        "usage": [message.usage.input_tokens, message.usage.output_tokens],
        "request_id": message._request_id,
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        async with AsyncAnthropic(base_url=stage.root, api_key="none", max_retries=0) as api:
            return await api.messages.create(model=MODEL, max_tokens=500, messages=ASKED)

    return text_of(asyncio.run(ask()))


@step
def streamed(stage: Stage) -> Any:
    with client(stage).messages.stream(model=MODEL, max_tokens=500, messages=ASKED) as stream:
        kinds = [event.type for event in stream if event.type in ("message_start", "message_delta", "message_stop")]
        message = stream.get_final_message()
    return {
        "text": text_of(message),
        "kinds": kinds,
        "usage": [message.usage.input_tokens, message.usage.output_tokens],
    }


@step
def raw_events(stage: Stage) -> Any:
    events = list(client(stage).messages.create(model=MODEL, max_tokens=500, messages=ASKED, stream=True))
    return {"kinds": [event.type for event in events], "estimate": events[0].message.usage.input_tokens}


@step
def counted(stage: Stage) -> Any:
    return client(stage).messages.count_tokens(model=MODEL, messages=ASKED).input_tokens


@step
def listed(stage: Stage) -> Any:
    page = client(stage).models.list(limit=1000)
    return {"many": len(page.data), "named": all(one.id and one.display_name for one in page.data)}


@step
def thought(stage: Stage) -> Any:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    message = client(stage).messages.create(model=THINKER, max_tokens=2048, messages=ASKED, thinking=thinking)
    return [block.type for block in message.content]


@step
def errors(stage: Stage) -> Any:
    api = client(stage).messages
    long: list[Any] = [{"role": "user", "content": "x " * 200_000}]
    return {
        "unknown_model": caught(lambda: api.create(model="no-such-model", max_tokens=5, messages=ASKED)),
        "no_messages": caught(lambda: api.create(model=MODEL, max_tokens=5, messages=[])),
        "too_long": caught(lambda: api.create(model=THINKER, max_tokens=5, messages=long)),
    }


@step
def agent(stage: Stage) -> Any:
    """Twenty turns: ten questions, each with a tool's call and its result; providers fail in the middle."""
    api, turns, called, providers = client(stage), [], [], []
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    more: Any = {"model": THINKER, "max_tokens": 4096, "tools": [WEATHER], "thinking": thinking}
    texts = []
    for number, city in enumerate(CITIES):
        if number == 5:
            stage.trouble("overloaded", "internal")
        turns.append({"role": "user", "content": f"What is the weather in {city}?"})
        while True:
            assert len(turns) < 80, "it goes round in a circle"
            with api.messages.stream(messages=turns, **more) as stream:
                providers.append(stream.response.headers["x-shunpike-provider"])
                message = stream.get_final_message()
            turns.append({"role": "assistant", "content": [block.model_dump() for block in message.content]})
            calls = [block for block in message.content if block.type == "tool_use"]
            assert (message.stop_reason == "tool_use") == bool(calls)
            if not calls:
                texts.append(text_of(message))
                break
            called += [call.input["city"] for call in calls]
            results = [{"type": "tool_result", "tool_use_id": one.id, "content": "sunny"} for one in calls]
            turns.append({"role": "user", "content": results})
    return {"called": called, "texts": texts, "providers": providers, "kinds": kinds_of(turns)}


if __name__ == "__main__":
    harness.main()
