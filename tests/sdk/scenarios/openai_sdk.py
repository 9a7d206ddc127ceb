"""OpenAI's own SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import chats
import harness
from chats import ASKED, usage
from harness import CITY_QUESTION, CITY_SCHEMA, Stage, caught, step
from openai import AsyncOpenAI, OpenAI

MODEL = "gpt-4o-mini"


def client(stage: Stage, key: str | None = None, retries: int = 0) -> OpenAI:
    return OpenAI(base_url=f"{stage.root}/openai/v1", api_key=key or stage.key, max_retries=retries, timeout=10)


@step
def unary(stage: Stage) -> Any:
    raw = client(stage).chat.completions.with_raw_response.create(model=MODEL, messages=ASKED)
    answer = raw.parse()
    return {
        "text": answer.choices[0].message.content,
        "finish": answer.choices[0].finish_reason,
        "model": answer.model,
        "usage": usage(answer),
        "cached": answer.usage.prompt_tokens_details.cached_tokens,
        "request_id": answer._request_id,
        "remaining": raw.headers["x-ratelimit-remaining-requests"],
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        async with AsyncOpenAI(base_url=f"{stage.root}/openai/v1", api_key=stage.key) as asynchronous:
            return await asynchronous.chat.completions.create(model=MODEL, messages=ASKED)

    answer = asyncio.run(ask())
    return {"text": answer.choices[0].message.content, "usage": usage(answer)}


@step
def reasoning(stage: Stage) -> Any:
    answer = client(stage).chat.completions.create(
        model="gpt-6-luna", messages=ASKED, max_completion_tokens=500, reasoning_effort="low"
    )
    thought = answer.usage.completion_tokens_details.reasoning_tokens
    return {"text": answer.choices[0].message.content, "thought": thought, "usage": usage(answer)}


@step
def stream(stage: Stage) -> Any:
    more: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client(stage).chat.completions.create(model=MODEL, messages=ASKED, **more))
    return {**chats.joined(chunks), "chunks": len(chunks)}


@step
def tools(stage: Stage) -> Any:
    return chats.tool_called(client(stage).chat.completions, MODEL)


@step
def tools_streamed(stage: Stage) -> Any:
    return chats.tools_streamed(client(stage).chat.completions, MODEL)


@step
def json_mode(stage: Stage) -> Any:
    asked = [{"role": "user", "content": CITY_QUESTION}]
    answer = client(stage).chat.completions.create(model=MODEL, messages=asked, response_format={"type": "json_object"})
    return {"text": answer.choices[0].message.content}


@step
def json_schema(stage: Stage) -> Any:
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY_SCHEMA, "strict": True}}
    asked = [{"role": "user", "content": CITY_QUESTION}]
    answer = client(stage).chat.completions.create(model=MODEL, messages=asked, response_format=form)
    return {"text": answer.choices[0].message.content}


@step
def parsed(stage: Stage) -> Any:
    return chats.parsed(client(stage).chat.completions, MODEL)


@step
def embeddings(stage: Stage) -> Any:
    api = client(stage).embeddings
    # The SDK asks for base64 unless told otherwise, and turns it back into numbers.
    packed = api.create(model="text-embedding-3-small", input=["a red car", "green tea"], dimensions=8)
    plain = api.create(model="text-embedding-3-small", input="a red car", dimensions=8, encoding_format="float")
    first, again = packed.data[0].embedding, plain.data[0].embedding
    return {
        "rows": len(packed.data),
        "size": len(first),
        "apart": max(abs(a - b) for a, b in zip(first, again, strict=True)),
        "tokens": packed.usage.prompt_tokens + plain.usage.prompt_tokens,
    }


@step
def models(stage: Stage) -> Any:
    api = client(stage).models
    return {"ids": [model.id for model in api.list()], "one": api.retrieve(MODEL).id}


@step
def refusals(stage: Stage) -> Any:
    chat = client(stage).chat.completions
    wrong, empty = client(stage, "sk-wrong").chat.completions, client(stage, "sandbox-empty").chat.completions
    long = [{"role": "user", "content": "word " * 200_000}]
    return {
        "bad_key": caught(lambda: wrong.create(model=MODEL, messages=ASKED)),
        "unknown_model": caught(lambda: chat.create(model="gpt-none", messages=ASKED)),
        "bad_value": caught(lambda: chat.create(model=MODEL, messages=ASKED, temperature=3)),
        "unknown_parameter": caught(lambda: chat.create(model=MODEL, messages=ASKED, extra_body={"foo": 1})),
        "too_long": caught(lambda: chat.create(model=MODEL, messages=long)),
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
