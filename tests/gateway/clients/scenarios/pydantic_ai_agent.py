"""pydantic-ai's agents on chat completions: plain answers, streams, tools and typed answers."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from chats import City
from harness import CITY_QUESTION, QUESTION, WEATHER_QUESTION, Stage, step
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

MODEL = "auto"


def model(stage: Stage) -> OpenAIChatModel:
    return OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=f"{stage.root}/v1", api_key="none"))


@step
def unary(stage: Stage) -> Any:
    done = Agent(model(stage)).run_sync(QUESTION)
    return {"text": done.output, "output_tokens": done.usage.output_tokens}


@step
def streamed(stage: Stage) -> Any:
    async def ask() -> str:
        async with Agent(model(stage)).run_stream(QUESTION) as answer:
            return "".join([part async for part in answer.stream_text(delta=True, debounce_by=None)])

    return asyncio.run(ask())


@step
def typed(stage: Stage) -> Any:
    found = Agent(model(stage), output_type=City).run_sync(CITY_QUESTION).output
    return {"kind": type(found).__name__, "city": found.city, "days": found.days}


@step
def tools(stage: Stage) -> Any:
    called: list[str] = []
    agent = Agent(model(stage))

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Get the weather in a city."""
        called.append(city)
        return "sunny, 21 degrees"

    return {"text": agent.run_sync(WEATHER_QUESTION).output, "called": called}


if __name__ == "__main__":
    harness.main()
