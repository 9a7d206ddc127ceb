"""Google's own SDK, which speaks the native dialect below ``/v1`` unless told to use ``/v1beta``."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any

import harness
from google import genai
from google.genai import types
from harness import CITY_QUESTION, CITY_SCHEMA, QUESTION, WEATHER_QUESTION, Stage, caught, step
from pydantic import BaseModel

MODEL = "gemini-3.8-flash"
EMBEDDER = "gemini-embedding-001"


class City(BaseModel):
    city: str
    days: int


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}, 21 degrees"


@cache
def client(stage: Stage, key: str | None = None, version: str | None = None, attempts: int = 0) -> genai.Client:
    # The SDK closes a client that nobody holds any more, even while its API objects are in use: hence the cache.
    # It never retries unless told so, and then waits by a rule of its own: it does not read RetryInfo.
    retry = types.HttpRetryOptions(attempts=attempts, initial_delay=0.05, jitter=0.0) if attempts else None
    url = f"{stage.root}/google"
    options = types.HttpOptions(base_url=url, timeout=10_000, api_version=version, retry_options=retry)
    return genai.Client(api_key=key or stage.key, http_options=options)


def usage(answer: Any) -> list[int]:
    spent = answer.usage_metadata
    made = (spent.candidates_token_count or 0) + (spent.thoughts_token_count or 0)
    return [spent.prompt_token_count, made, spent.total_token_count]


def asking(schema: Any, **more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema, **more)


@step
def unary(stage: Stage) -> Any:
    answer = client(stage).models.generate_content(model=MODEL, contents=QUESTION)
    return {
        "text": answer.text,
        "finish": answer.candidates[0].finish_reason,
        "usage": usage(answer),
        "model": answer.model_version,
        "id": answer.response_id,
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        return await client(stage).aio.models.generate_content(model=MODEL, contents=QUESTION)

    answer = asyncio.run(ask())
    return {"text": answer.text, "usage": usage(answer)}


@step
def beta(stage: Stage) -> Any:
    """The version of the path that older releases call."""
    answer = client(stage, version="v1beta").models.generate_content(model=MODEL, contents=QUESTION)
    return {"text": answer.text, "usage": usage(answer)}


@step
def reasoning(stage: Stage) -> Any:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW)
    config = types.GenerateContentConfig(thinking_config=thinking, max_output_tokens=500)
    answer = client(stage).models.generate_content(model=MODEL, contents=QUESTION, config=config)
    thoughts = [part.text for part in answer.candidates[0].content.parts if part.thought]
    return {"text": answer.text, "reasoning": "".join(thoughts), "usage": usage(answer)}


@step
def stream(stage: Stage) -> Any:
    chunks = list(client(stage).models.generate_content_stream(model=MODEL, contents=QUESTION))
    ends = [chunk.candidates[0].finish_reason for chunk in chunks]
    return {
        "text": "".join(chunk.text or "" for chunk in chunks),
        "finish": [end for end in ends if end],
        "usage": usage(chunks[-1]),
        "chunks": len(chunks),
    }


@step
def chat(stage: Stage) -> Any:
    talk = client(stage).chats.create(model=MODEL)
    first, second = talk.send_message(QUESTION), talk.send_message("And in one word?")
    return {"first": first.text, "second": bool(second.text), "turns": len(talk.get_history())}


@step
def tools(stage: Stage) -> Any:
    declared = types.FunctionDeclaration(
        name="get_weather",
        description="Get the weather in a city",
        parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    )
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])
    asked = types.Content(role="user", parts=[types.Part(text=WEATHER_QUESTION)])
    api = client(stage).models
    first = api.generate_content(model=MODEL, contents=[asked], config=config)
    (call,) = first.function_calls
    result = types.Part(
        function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny, 21 degrees"})
    )
    contents = [asked, first.candidates[0].content, types.Content(role="user", parts=[result])]
    answer = api.generate_content(model=MODEL, contents=contents, config=config)
    return {
        "name": call.name,
        "arguments": json.dumps(call.args),
        "signed": bool(first.candidates[0].content.parts[0].thought_signature),
        "text": answer.text,
    }


@step
def tools_automatic(stage: Stage) -> Any:
    """The SDK makes the declaration from a Python function, calls it and sends the result back by itself."""
    config = types.GenerateContentConfig(tools=[get_weather])
    answer = client(stage).models.generate_content(model=MODEL, contents=WEATHER_QUESTION, config=config)
    return {"text": answer.text, "history": len(answer.automatic_function_calling_history)}


@step
def json_mode(stage: Stage) -> Any:
    config = types.GenerateContentConfig(response_mime_type="application/json")
    answer = client(stage).models.generate_content(model=MODEL, contents=CITY_QUESTION, config=config)
    return {"text": answer.text}


@step
def json_schema(stage: Stage) -> Any:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=CITY_SCHEMA)
    answer = client(stage).models.generate_content(model=MODEL, contents=CITY_QUESTION, config=config)
    return {"text": answer.text}


@step
def parsed(stage: Stage) -> Any:
    answer = client(stage).models.generate_content(model=MODEL, contents=CITY_QUESTION, config=asking(City))
    return {"kind": type(answer.parsed).__name__, "city": answer.parsed.city, "days": answer.parsed.days}


@step
def embeddings(stage: Stage) -> Any:
    config = types.EmbedContentConfig(output_dimensionality=8)
    answer = client(stage).models.embed_content(model=EMBEDDER, contents=["a red car", "green tea"], config=config)
    return {"rows": len(answer.embeddings), "size": len(answer.embeddings[0].values)}


@step
def counted(stage: Stage) -> Any:
    return {"tokens": client(stage).models.count_tokens(model=MODEL, contents=QUESTION).total_tokens}


@step
def models(stage: Stage) -> Any:
    api = client(stage).models
    return {
        "ids": [model.name for model in api.list(config={"page_size": 5})],
        "one": api.get(model=MODEL).name,
    }


@step
def refusals(stage: Stage) -> Any:
    api, wrong = client(stage).models, client(stage, "AIza-wrong").models
    outside, long = client(stage, stage.free_key).models, "word " * 300_000
    hot = types.GenerateContentConfig(temperature=3)
    return {
        "bad_key": caught(lambda: wrong.generate_content(model=MODEL, contents=QUESTION)),
        "unknown_model": caught(lambda: api.generate_content(model="gemini-none", contents=QUESTION)),
        "retired_model": caught(lambda: api.generate_content(model="gemini-2.0-flash", contents=QUESTION)),
        "bad_value": caught(lambda: api.generate_content(model=MODEL, contents=QUESTION, config=hot)),
        "too_long": caught(lambda: api.generate_content(model="gemma-3-27b-it", contents=long)),
        "not_on_tier": caught(lambda: outside.generate_content(model="gemini-4-argon", contents=QUESTION)),
        "bad_stream": caught(lambda: list(api.generate_content_stream(model="gemini-none", contents=QUESTION))),
    }


@step
def retried(stage: Stage) -> Any:
    stage.trouble("rate_limited")
    return {"text": client(stage, attempts=3).models.generate_content(model=MODEL, contents=QUESTION).text}


@step
def not_retried(stage: Stage) -> Any:
    stage.trouble("rate_limited")
    return caught(lambda: client(stage).models.generate_content(model=MODEL, contents=QUESTION))


@step
def overloaded(stage: Stage) -> Any:
    stage.trouble("overloaded")
    return caught(lambda: client(stage).models.generate_content(model=MODEL, contents=QUESTION))


@step
def broken_stream(stage: Stage) -> Any:
    stage.trouble("stream_error")
    return caught(lambda: list(client(stage).models.generate_content_stream(model=MODEL, contents=QUESTION)))


if __name__ == "__main__":
    harness.main()
