"""OpenAI's agents SDK, whose loop calls tools until it has an answer, on chat completions."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from harness import QUESTION, WEATHER_QUESTION, Stage, step
from openai import AsyncOpenAI

set_tracing_disabled(True)  # Else it reports to its maker.


@function_tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}, 21 degrees"


def agent(stage: Stage) -> Agent:
    api = AsyncOpenAI(base_url=f"{stage.root}/v1", api_key="none", max_retries=0, timeout=20)
    model = OpenAIChatCompletionsModel(model="auto", openai_client=api)
    return Agent(name="weather", instructions="Answer in words.", model=model, tools=[get_weather])


@step
def loop(stage: Stage) -> Any:
    done = Runner.run_sync(agent(stage), WEATHER_QUESTION)
    return {"text": done.final_output, "turns": len(done.raw_responses)}


@step
def streamed(stage: Stage) -> Any:
    async def ask() -> Any:
        running = Runner.run_streamed(agent(stage), QUESTION)
        kinds = {event.type async for event in running.stream_events()}
        return {"text": running.final_output, "events": sorted(kinds)}

    return asyncio.run(ask())


if __name__ == "__main__":
    harness.main()
