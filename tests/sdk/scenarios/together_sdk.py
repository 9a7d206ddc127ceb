"""Together's own SDK, given the root of the host as its base URL."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from chats import ASKED, joined, usage
from harness import CITY_QUESTION, CITY_SCHEMA, WEATHER_QUESTION, WEATHER_TOOL, Stage, caught, step
from together import AsyncTogether, Together

MODEL = "deepseek-ai/DeepSeek-V4.1-Flash"
THINKER = "openai/gpt-oss-120b"
EMBEDDER = "BAAI/bge-base-en-v1.5"


def client(stage: Stage, key: str | None = None, retries: int = 0) -> Together:
    return Together(base_url=f"{stage.root}/together", api_key=key or stage.key, max_retries=retries, timeout=10)


@step
def unary(stage: Stage) -> Any:
    raw = client(stage).chat.completions.with_raw_response.create(model=MODEL, messages=ASKED)
    answer = raw.parse()
    return {
        "text": answer.choices[0].message.content,
        "finish": answer.choices[0].finish_reason,
        "usage": usage(answer),
        "limit": raw.headers["x-ratelimit-limit"],
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        async with AsyncTogether(base_url=f"{stage.root}/together", api_key=stage.key) as asynchronous:
            return await asynchronous.chat.completions.create(model=MODEL, messages=ASKED)

    answer = asyncio.run(ask())
    return {"text": answer.choices[0].message.content, "usage": usage(answer)}


@step
def reasoning(stage: Stage) -> Any:
    answer = client(stage).chat.completions.create(model=THINKER, messages=ASKED, reasoning_effort="low")
    message = answer.choices[0].message
    return {"text": message.content, "reasoning": message.reasoning, "usage": usage(answer)}


@step
def stream(stage: Stage) -> Any:
    return joined(list(client(stage).chat.completions.create(model=MODEL, messages=ASKED, stream=True)))


@step
def tools(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    chat = client(stage).chat.completions
    message = chat.create(model=MODEL, messages=asked, tools=[WEATHER_TOOL]).choices[0].message
    (call,) = message.tool_calls
    said = {"role": "assistant", "content": "", "tool_calls": [call.model_dump(exclude_none=True)]}
    asked += [said, {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}]
    answer = chat.create(model=MODEL, messages=asked, tools=[WEATHER_TOOL])
    return {
        "name": call.function.name,
        "arguments": call.function.arguments,
        "text": answer.choices[0].message.content,
    }


@step
def tools_streamed(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    chunks = list(client(stage).chat.completions.create(model=MODEL, messages=asked, tools=[WEATHER_TOOL], stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    return {
        "names": [call.function.name for call in calls if call.function.name],
        "arguments": "".join(call.function.arguments or "" for call in calls),
        "finish": chunks[-1].choices[0].finish_reason,
    }


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
def embeddings(stage: Stage) -> Any:
    answer = client(stage).embeddings.create(model=EMBEDDER, input=["a red car", "green tea"])
    return {"rows": len(answer.data), "size": len(answer.data[0].embedding), "model": answer.model}


@step
def models(stage: Stage) -> Any:
    api = client(stage).models
    some = api.list_supported(limit=5)
    return {
        "ids": [model.serverless_endpoint for model in api.list_supported()],
        "page": [model.id for model in some.data],
        "paged": sum(1 for _ in some),
        "one": api.retrieve_supported(some.data[0].id).name,
        "legacy": client(stage).get("/v1/models", cast_to=object)[0]["id"],
    }


@step
def refusals(stage: Stage) -> Any:
    chat, empty = client(stage).chat.completions, client(stage, "sandbox-empty").chat.completions
    wrong = client(stage, "wrong").chat.completions
    long = [{"role": "user", "content": "word " * 140_000}]
    retired = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    return {
        "bad_key": caught(lambda: wrong.create(model=MODEL, messages=ASKED)),
        "unknown_model": caught(lambda: chat.create(model="no/such", messages=ASKED)),
        "retired_model": caught(lambda: chat.create(model=retired, messages=ASKED)),
        "bad_value": caught(lambda: chat.create(model=MODEL, messages=ASKED, top_p=3)),
        "too_long": caught(lambda: chat.create(model=THINKER, messages=long)),
        "no_money": caught(lambda: empty.create(model=MODEL, messages=ASKED)),
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
