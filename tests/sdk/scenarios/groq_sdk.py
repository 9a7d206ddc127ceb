"""Groq's own SDK, given the root of the host as its base URL."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from chats import ASKED, usage
from groq import AsyncGroq, Groq
from harness import CITY_QUESTION, CITY_SCHEMA, WEATHER_QUESTION, WEATHER_TOOL, Stage, caught, step

MODEL = "openai/gpt-oss-120b"


def client(stage: Stage, key: str | None = None, retries: int = 0) -> Groq:
    return Groq(base_url=f"{stage.root}/groq", api_key=key or stage.key, max_retries=retries, timeout=10)


@step
def unary(stage: Stage) -> Any:
    raw = client(stage, stage.free_key).chat.completions.with_raw_response.create(model=MODEL, messages=ASKED)
    answer = raw.parse()
    return {
        "text": answer.choices[0].message.content,
        "reasoning": answer.choices[0].message.reasoning,
        "finish": answer.choices[0].finish_reason,
        "usage": usage(answer),
        "x_groq": answer.x_groq.id,
        "tier": answer.service_tier,
        "requests_a_day": raw.headers["x-ratelimit-limit-requests"],
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        async with AsyncGroq(base_url=f"{stage.root}/groq", api_key=stage.key) as asynchronous:
            return await asynchronous.chat.completions.create(model=MODEL, messages=ASKED)

    answer = asyncio.run(ask())
    return {"text": answer.choices[0].message.content, "usage": usage(answer)}


@step
def stream(stage: Stage) -> Any:
    chunks = list(client(stage).chat.completions.create(model=MODEL, messages=ASKED, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    spent = chunks[-1].x_groq.usage
    return {
        "text": "".join(delta.content or "" for delta in deltas),
        "reasoning": "".join(getattr(delta, "reasoning", None) or "" for delta in deltas),
        "finish": [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason],
        "usage": [spent.prompt_tokens, spent.completion_tokens, spent.total_tokens],
        "first": chunks[0].x_groq.id,
    }


@step
def tools(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    chat = client(stage).chat.completions
    message = chat.create(model=MODEL, messages=asked, tools=[WEATHER_TOOL], tool_choice="required").choices[0].message
    (call,) = message.tool_calls
    said = {"role": "assistant", "tool_calls": [call.model_dump(exclude_none=True)]}
    asked += [said, {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}]
    answer = chat.create(model=MODEL, messages=asked, tools=[WEATHER_TOOL])
    return {
        "name": call.function.name,
        "arguments": call.function.arguments,
        "id": call.id,
        "text": answer.choices[0].message.content,
    }


@step
def tools_streamed(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    chunks = list(client(stage).chat.completions.create(model=MODEL, messages=asked, tools=[WEATHER_TOOL], stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    return {"calls": [[call.index, call.function.name, call.function.arguments] for call in calls]}


@step
def json_mode(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": CITY_QUESTION}]
    form: Any = {"type": "json_object"}
    answer = client(stage).chat.completions.create(model=MODEL, messages=asked, response_format=form)
    return {"text": answer.choices[0].message.content}


@step
def json_schema(stage: Stage) -> Any:
    form: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY_SCHEMA, "strict": True}}
    asked: list[Any] = [{"role": "user", "content": CITY_QUESTION}]
    answer = client(stage).chat.completions.create(model=MODEL, messages=asked, response_format=form)
    return {"text": answer.choices[0].message.content}


@step
def models(stage: Stage) -> Any:
    api = client(stage).models
    return {"ids": [model.id for model in api.list().data], "one": api.retrieve(MODEL).id}


@step
def refusals(stage: Stage) -> Any:
    chat, free = client(stage).chat.completions, client(stage, stage.free_key).chat.completions
    wrong = client(stage, "gsk_wrong").chat.completions
    long = [{"role": "user", "content": "word " * 9_000}]
    retired = "llama-3.3-70b-versatile"
    return {
        "bad_key": caught(lambda: wrong.create(model=MODEL, messages=ASKED)),
        "unknown_model": caught(lambda: chat.create(model="llama-none", messages=ASKED)),
        "retired_model": caught(lambda: chat.create(model=retired, messages=ASKED)),
        "bad_value": caught(lambda: chat.create(model=MODEL, messages=ASKED, temperature=3)),
        "forbidden_parameter": caught(lambda: chat.create(model=MODEL, messages=ASKED, logprobs=True)),
        "unknown_parameter": caught(lambda: chat.create(model=MODEL, messages=ASKED, extra_body={"foo": 1})),
        "too_large_for_ever": caught(lambda: free.create(model=MODEL, messages=long)),
    }


@step
def retried(stage: Stage) -> Any:
    stage.trouble("rate_limited")
    raw = client(stage, retries=2).chat.completions.with_raw_response.create(model=MODEL, messages=ASKED)
    return {"text": raw.parse().choices[0].message.content, "retries": raw.retries_taken}


@step
def not_retried(stage: Stage) -> Any:
    stage.trouble("rate_limited")
    return caught(lambda: client(stage).chat.completions.create(model=MODEL, messages=ASKED))


@step
def overloaded(stage: Stage) -> Any:
    stage.trouble("overloaded")
    return caught(lambda: client(stage).chat.completions.create(model=MODEL, messages=ASKED))


@step
def broken_stream(stage: Stage) -> Any:
    stage.trouble("stream_error")
    return caught(lambda: list(client(stage).chat.completions.create(model=MODEL, messages=ASKED, stream=True)))


if __name__ == "__main__":
    harness.main()
