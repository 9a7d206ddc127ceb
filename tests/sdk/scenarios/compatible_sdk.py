"""OpenAI's SDK at the endpoints that others offer in OpenAI's shape."""

from __future__ import annotations

from functools import partial
from typing import Any

import harness
from harness import CITY_QUESTION, QUESTION, WEATHER_QUESTION, WEATHER_TOOL, Stage, caught, step
from openai import OpenAI

BASES = {
    "deepseek": ("/deepseek", "deepseek-flash"),
    "google": ("/google/v1beta/openai", "gemini-3.8-flash"),
    "groq": ("/groq/openai/v1", "openai/gpt-oss-20b"),
    "hyperbolic": ("/hyperbolic/v1", "meta-llama/Llama-3.3-70B-Instruct"),
    "openrouter": ("/openrouter/api/v1", "openai/gpt-4o-mini"),
    "sandbox": ("/sandbox/v1", "sandbox/echo-1"),
    "together": ("/together/v1", "deepseek-ai/DeepSeek-V4.1-Flash"),
}
# Hyperbolic streams whole messages, which this SDK drops, and knows neither tools nor formats of the answer.
PLAIN = ("hyperbolic",)
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]


def client(stage: Stage, provider: str, key: str | None = None) -> OpenAI:
    return OpenAI(base_url=stage.root + BASES[provider][0], api_key=key or stage.key, max_retries=0, timeout=10)


def answered(stage: Stage, provider: str) -> Any:
    answer = client(stage, provider).chat.completions.create(model=BASES[provider][1], messages=ASKED)
    spent = answer.usage
    return {"text": answer.choices[0].message.content, "prompt": spent.prompt_tokens, "total": spent.total_tokens}


def streamed(stage: Stage, provider: str) -> Any:
    chunks = client(stage, provider).chat.completions.create(model=BASES[provider][1], messages=ASKED, stream=True)
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def called(stage: Stage, provider: str) -> Any:
    asked: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    chat, more = client(stage, provider).chat.completions, {"model": BASES[provider][1], "tools": [WEATHER_TOOL]}
    message = chat.create(messages=asked, **more).choices[0].message
    (call,) = message.tool_calls
    # Groq refuses fields of messages that it does not know, even without a value.
    said = {name: value for name, value in message.model_dump(exclude_none=True).items() if name != "annotations"}
    asked += [said, {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}]
    return [call.function.arguments, chat.create(messages=asked, **more).choices[0].message.content]


def objected(stage: Stage, provider: str) -> Any:
    asked: list[Any] = [{"role": "user", "content": CITY_QUESTION}]
    form: Any = {"type": "json_object"}
    chat = client(stage, provider).chat.completions
    return chat.create(model=BASES[provider][1], messages=asked, response_format=form).choices[0].message.content


def listed(stage: Stage, provider: str) -> Any:
    if provider == "together":
        # A bare array is no page for this SDK.
        return [row["id"] for row in client(stage, provider).get("/models", cast_to=object)]
    return [model.id for model in client(stage, provider).models.list()]


def refused(stage: Stage, provider: str) -> Any:
    chat = client(stage, provider, "sk-wrong").chat.completions
    return caught(partial(chat.create, model=BASES[provider][1], messages=ASKED))


def limited(stage: Stage, provider: str) -> Any:
    stage.trouble("rate_limited")
    chat = client(stage, provider).chat.completions
    return caught(partial(chat.create, model=BASES[provider][1], messages=ASKED))


@step
def unary(stage: Stage) -> Any:
    return {provider: answered(stage, provider) for provider in BASES}


@step
def stream(stage: Stage) -> Any:
    return {provider: streamed(stage, provider) for provider in BASES if provider not in PLAIN}


@step
def tools(stage: Stage) -> Any:
    return {provider: called(stage, provider) for provider in BASES if provider not in PLAIN}


@step
def json_mode(stage: Stage) -> Any:
    return {provider: objected(stage, provider) for provider in BASES if provider not in PLAIN}


@step
def models(stage: Stage) -> Any:
    return {provider: listed(stage, provider) for provider in BASES}


@step
def bad_key(stage: Stage) -> Any:
    return {provider: refused(stage, provider) for provider in BASES if provider != "sandbox"}


@step
def too_often(stage: Stage) -> Any:
    return {provider: limited(stage, provider) for provider in BASES if provider != "sandbox"}


if __name__ == "__main__":
    harness.main()
