"""OpenAI's SDK on chat completions."""

from __future__ import annotations

import asyncio
from typing import Any

import chats
import harness
from chats import ASKED, usage
from harness import TWO_TOOLS, Stage, caught, step
from openai import AsyncOpenAI, OpenAI

MODEL = "auto"
RED = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def client(stage: Stage, **options: Any) -> OpenAI:
    return OpenAI(**{"base_url": f"{stage.root}/v1", "api_key": "none", "max_retries": 0, "timeout": 20, **options})


@step
def unary(stage: Stage) -> Any:
    raw = client(stage).chat.completions.with_raw_response.create(model=MODEL, messages=ASKED)
    answer = raw.parse()
    return {
        "text": answer.choices[0].message.content,
        "finish": answer.choices[0].finish_reason,
        "usage": usage(answer),
        "request_id": answer._request_id,
        "provider": raw.headers["x-shunpike-provider"],
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        async with AsyncOpenAI(base_url=f"{stage.root}/v1", api_key="none", max_retries=0) as asynchronous:
            chat = asynchronous.chat.completions
            return await asyncio.gather(*(chat.create(model=MODEL, messages=ASKED) for _ in range(8)))

    return [answer.choices[0].message.content for answer in asyncio.run(ask())]


@step
def stream_async(stage: Stage) -> Any:
    async def ask() -> str:
        async with AsyncOpenAI(base_url=f"{stage.root}/v1", api_key="none", max_retries=0) as asynchronous:
            chunks = await asynchronous.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    return asyncio.run(ask())


@step
def stream(stage: Stage) -> Any:
    more: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client(stage).chat.completions.create(model=MODEL, messages=ASKED, **more))
    return {
        **chats.joined(chunks),
        "ids": len({chunk.id for chunk in chunks}),
        "role": chunks[0].choices[0].delta.role,
        "without_choices": sum(not chunk.choices for chunk in chunks),
    }


@step
def reasoning(stage: Stage) -> Any:
    asked: Any = {"model": "groq/openai/gpt-oss-120b", "messages": ASKED, "reasoning_effort": "low"}
    message = client(stage).chat.completions.create(**asked).choices[0].message
    streamed = ""
    for chunk in client(stage).chat.completions.create(**asked, stream=True):
        streamed += getattr(chunk.choices[0].delta, "reasoning_content", None) or ""
    return {"whole": message.reasoning_content, "streamed": streamed}


@step
def picture(stage: Stage) -> Any:
    parts = [{"type": "text", "text": "What colour is it?"}, {"type": "image_url", "image_url": {"url": RED}}]
    answer = client(stage).chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])
    return answer.choices[0].message.content


@step
def tools(stage: Stage) -> Any:
    return chats.tool_called(client(stage).chat.completions, MODEL)


@step
def tools_streamed(stage: Stage) -> Any:
    chat = client(stage).chat.completions
    asked: list[Any] = [{"role": "user", "content": chats.BOTH_TOOLS}]
    chunks = list(chat.create(model=MODEL, messages=asked, tools=TWO_TOOLS, stream=True))
    parts = [part for chunk in chunks for part in chunk.choices[0].delta.tool_calls or ()]
    return {
        **chats.tools_streamed(chat, MODEL),
        "indexes": sorted({part.index for part in parts}),
        "types": sorted({str(part.type) for part in parts}),
    }


@step
def parsed(stage: Stage) -> Any:
    return chats.parsed(client(stage).chat.completions, MODEL)


@step
def errors(stage: Stage) -> Any:
    chat = client(stage).chat.completions
    asked: list[Any] = [{"role": "user", "content": "x " * 200_000}]
    return {
        "unknown_model": caught(lambda: chat.create(model="no-such-model", messages=ASKED)),
        "bad_value": caught(lambda: chat.create(model=MODEL, messages=ASKED, temperature=3)),
        "no_messages": caught(lambda: chat.create(model=MODEL, messages=[])),
        "too_long": caught(lambda: chat.create(model="groq/openai/gpt-oss-120b", messages=asked)),
    }


@step
def fallen_over(stage: Stage) -> Any:
    chat = client(stage).chat.completions
    stage.trouble("overloaded", "internal")
    texts = [chat.create(model=MODEL, messages=ASKED).choices[0].message.content]
    for trouble in ("stream_error", "upstream"):
        stage.trouble(trouble)
        chunks = chat.create(model=MODEL, messages=ASKED, stream=True)
        texts.append("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
    return texts


if __name__ == "__main__":
    harness.main()
