"""instructor's ways to get an object out of a chat model."""

from __future__ import annotations

from typing import Any

import harness
import instructor
from chats import City
from harness import CITY_QUESTION, Stage, step
from openai import OpenAI


def found(stage: Stage, mode: instructor.Mode) -> Any:
    raw = OpenAI(base_url=f"{stage.root}/v1", api_key="none", max_retries=0, timeout=20)
    api = instructor.from_openai(raw, mode=mode)
    asked: list[Any] = [{"role": "user", "content": CITY_QUESTION}]
    return api.chat.completions.create(model="auto", messages=asked, response_model=City, max_retries=0).model_dump()


@step
def tools(stage: Stage) -> Any:
    return found(stage, instructor.Mode.TOOLS)


@step
def json_schema(stage: Stage) -> Any:
    return found(stage, instructor.Mode.JSON_SCHEMA)


@step
def json_mode(stage: Stage) -> Any:
    return found(stage, instructor.Mode.JSON)


if __name__ == "__main__":
    harness.main()
