"""OpenRouter's own SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import harness
from harness import CITY_QUESTION, CITY_SCHEMA, QUESTION, WEATHER_QUESTION, WEATHER_TOOL, Stage, caught, step
from openrouter import OpenRouter
from openrouter.utils import BackoffStrategy, RetryConfig

MODEL = "openai/gpt-4o-mini"
FREE = "google/gemma-4-31b-it:free"
THINKER = "deepseek/deepseek-v4.1-flash"
EMBEDDER = "openai/text-embedding-3-small"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
NEVER = RetryConfig("none", BackoffStrategy(1, 1, 1.0, 1), retry_connection_errors=False)
# The SDK retries 5xx by itself, and 429 when told so.
ALSO_429 = RetryConfig("backoff", BackoffStrategy(100, 200, 1.5, 5000, 0), True, ["429", "5XX"])
QUICK = RetryConfig("backoff", BackoffStrategy(100, 200, 1.5, 5000, 0), retry_connection_errors=True)


def client(stage: Stage, key: str | None = None, retries: RetryConfig = NEVER) -> OpenRouter:
    url = f"{stage.root}/openrouter/api/v1"
    return OpenRouter(server_url=url, api_key=key or stage.key, retry_config=retries, timeout_ms=10_000)


def usage(answer: Any) -> list[int]:
    return [int(n) for n in (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)]


@step
def unary(stage: Stage) -> Any:
    answer = client(stage).chat.send(model=MODEL, messages=ASKED)
    return {
        "text": answer.choices[0].message.content,
        "finish": answer.choices[0].finish_reason,
        "usage": usage(answer),
        "cost": answer.usage.cost,
    }


@step
def unary_async(stage: Stage) -> Any:
    async def ask() -> Any:
        async with client(stage) as asynchronous:
            return await asynchronous.chat.send_async(model=MODEL, messages=ASKED)

    answer = asyncio.run(ask())
    return {"text": answer.choices[0].message.content, "usage": usage(answer)}


@step
def free(stage: Stage) -> Any:
    answer = client(stage, stage.free_key).chat.send(model=FREE, messages=ASKED)
    return {"text": answer.choices[0].message.content, "usage": usage(answer), "cost": answer.usage.cost}


@step
def reasoning(stage: Stage) -> Any:
    answer = client(stage).chat.send(model=THINKER, messages=ASKED, reasoning={"effort": "low"})
    message = answer.choices[0].message
    return {"text": message.content, "reasoning": message.reasoning, "usage": usage(answer)}


@step
def stream(stage: Stage) -> Any:
    with client(stage).chat.send(model=MODEL, messages=ASKED, stream=True) as events:
        chunks = list(events)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish": [choice.finish_reason for choice in choices if choice.finish_reason],
        "usage": usage(chunks[-1]),
        "cost": chunks[-1].usage.cost,
    }


@step
def tools(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    chat = client(stage).chat
    message = chat.send(model=MODEL, messages=asked, tools=[WEATHER_TOOL]).choices[0].message
    (call,) = message.tool_calls
    asked += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}]
    answer = chat.send(model=MODEL, messages=asked, tools=[WEATHER_TOOL])
    return {
        "name": call.function.name,
        "arguments": call.function.arguments,
        "text": answer.choices[0].message.content,
    }


@step
def tools_streamed(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    with client(stage).chat.send(model=MODEL, messages=asked, tools=[WEATHER_TOOL], stream=True) as events:
        chunks = list(events)
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    return {
        "names": [call.function.name for call in calls if call.function.name],
        "arguments": "".join(call.function.arguments or "" for call in calls),
    }


@step
def json_mode(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": CITY_QUESTION}]
    answer = client(stage).chat.send(model=MODEL, messages=asked, response_format={"type": "json_object"})
    return {"text": answer.choices[0].message.content}


@step
def json_schema(stage: Stage) -> Any:
    asked: list[Any] = [{"role": "user", "content": CITY_QUESTION}]
    form: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY_SCHEMA, "strict": True}}
    preferences: Any = {"require_parameters": True}
    answer = client(stage).chat.send(model=MODEL, messages=asked, response_format=form, provider=preferences)
    return {"text": answer.choices[0].message.content}


@step
def embeddings(stage: Stage) -> Any:
    api = client(stage).embeddings
    answer = api.generate(model=EMBEDDER, input=["a red car", "green tea"], dimensions=8)
    return {
        "rows": len(answer.data),
        "size": len(answer.data[0].embedding),
        "tokens": answer.usage.prompt_tokens,
        "cost": answer.usage.cost,
        "models": [model.id for model in api.list_models().result.data],
    }


@step
def models(stage: Stage) -> Any:
    api = client(stage).models
    author, _, slug = MODEL.partition("/")
    return {
        "ids": [model.id for model in api.list().result.data],
        "mine": len(api.list_for_user(security={"bearer": stage.key}).result.data),
        "count": api.count().data.count,
        "one": api.get(author=author, slug=slug).data.id,
    }


@step
def account(stage: Stage) -> Any:
    api = client(stage)
    answer = api.chat.send(model=MODEL, messages=ASKED)
    key, told = api.api_keys.get_current_key_metadata().data, api.generations.get_generation(id=answer.id).data
    return {
        "usage": key.usage,
        "free_left": key.free_model_daily_requests.remaining,
        "cost": answer.usage.cost,
        "told": told.total_cost,
        "credits": caught(api.credits.get_credits),
    }


@step
def refusals(stage: Stage) -> Any:
    chat, wrong = client(stage).chat, client(stage, "sk-or-wrong").chat
    poor = client(stage, "sandbox-empty").chat
    long: list[Any] = [{"role": "user", "content": "word " * 140_000}]
    retired = "meta-llama/llama-3.3-70b-instruct:free"
    bad: Any = 3.0
    return {
        "bad_key": caught(lambda: wrong.send(model=MODEL, messages=ASKED)),
        "unknown_model": caught(lambda: chat.send(model="no/such", messages=ASKED)),
        "retired_model": caught(lambda: chat.send(model=retired, messages=ASKED)),
        "bad_value": caught(lambda: chat.send(model=MODEL, messages=ASKED, temperature=bad)),
        "too_long": caught(lambda: chat.send(model=MODEL, messages=long)),
        "no_money": caught(lambda: poor.send(model=MODEL, messages=ASKED, max_tokens=900)),
    }


@step
def retried(stage: Stage) -> Any:
    stage.trouble("rate_limited")
    answer = client(stage, retries=ALSO_429).chat.send(model=MODEL, messages=ASKED)
    return {"text": answer.choices[0].message.content}


@step
def not_retried(stage: Stage) -> Any:
    stage.trouble("rate_limited")
    return caught(lambda: client(stage, retries=QUICK).chat.send(model=MODEL, messages=ASKED))


@step
def overloaded(stage: Stage) -> Any:
    stage.trouble("overloaded")
    return caught(lambda: client(stage).chat.send(model=MODEL, messages=ASKED))


@step
def overloaded_once(stage: Stage) -> Any:
    stage.trouble("overloaded")
    return {"text": client(stage, retries=QUICK).chat.send(model=MODEL, messages=ASKED).choices[0].message.content}


@step
def broken_stream(stage: Stage) -> Any:
    stage.trouble("stream_error")
    with client(stage).chat.send(model=MODEL, messages=ASKED, stream=True) as events:
        chunks = list(events)
    # This SDK raises nothing: the error is a field of the last chunk.
    return {"code": chunks[-1].error.code, "finish": chunks[-1].choices[0].finish_reason}


if __name__ == "__main__":
    harness.main()
