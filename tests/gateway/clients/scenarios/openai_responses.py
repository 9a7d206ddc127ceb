"""OpenAI's SDK on responses: whole, streamed, parsed, with tools, and refused."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from chats import City
from harness import CITY_QUESTION, QUESTION, WEATHER_QUESTION, WEATHER_TOOL, Stage, caught, step
from openai import AsyncOpenAI, OpenAI

MODEL = "auto"
TOOL: Any = {"type": "function", "strict": False, **WEATHER_TOOL["function"]}


def client(stage: Stage) -> OpenAI:
    return OpenAI(base_url=f"{stage.root}/v1", api_key="none", max_retries=0, timeout=20)


@step
def unary(stage: Stage) -> Any:
    answer = client(stage).responses.create(model=MODEL, input=QUESTION)
    usage = answer.usage
    return {
        "text": answer.output_text,
        "status": answer.status,
        "usage": [usage.input_tokens, usage.output_tokens, usage.total_tokens],
        "details": [usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens],
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> str:
        async with AsyncOpenAI(base_url=f"{stage.root}/v1", api_key="none", max_retries=0) as api:
            return (await api.responses.create(model=MODEL, input=QUESTION)).output_text

    return asyncio.run(ask())


@step
def streamed(stage: Stage) -> Any:
    events = list(client(stage).responses.create(model=MODEL, input=QUESTION, stream=True))
    return {
        "text": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
        "kinds": [event.type for event in events],
        "numbers": [event.sequence_number for event in events],
    }


@step
def helped(stage: Stage) -> Any:
    with client(stage).responses.stream(model=MODEL, input=CITY_QUESTION, text_format=City) as events:
        for _ in events:
            pass
        return events.get_final_response().output_parsed.model_dump()


@step
def parsed(stage: Stage) -> Any:
    return client(stage).responses.parse(model=MODEL, input=CITY_QUESTION, text_format=City).output_parsed.model_dump()


@step
def tools(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    first = client(stage).responses.create(model=MODEL, input=asked, tools=[TOOL])
    (call,) = [item for item in first.output if item.type == "function_call"]
    asked += [item.to_dict() for item in first.output]
    asked.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"})
    answer = client(stage).responses.create(model=MODEL, input=asked, tools=[TOOL])
    return {"name": call.name, "arguments": call.arguments, "text": answer.output_text}


@step
def reasoned(stage: Stage) -> Any:
    answer = client(stage).responses.create(
        model="groq/openai/gpt-oss-120b", input=QUESTION, reasoning={"effort": "low", "summary": "auto"}
    )
    return [item.type for item in answer.output]


@step
def errors(stage: Stage) -> Any:
    api = client(stage).responses
    return {
        "unknown_model": caught(lambda: api.create(model="no-such-model", input=QUESTION)),
        "no_input": caught(lambda: api.create(model=MODEL, input=[])),
        "earlier": caught(lambda: api.create(model=MODEL, input=QUESTION, previous_response_id="resp_1")),
        "too_long": caught(lambda: api.create(model="groq/openai/gpt-oss-120b", input="x " * 200_000)),
    }


if __name__ == "__main__":
    harness.main()
