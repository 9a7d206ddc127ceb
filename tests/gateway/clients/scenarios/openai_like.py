"""LlamaIndex's client for servers that are like OpenAI's; it brings an older major version of OpenAI's SDK."""

from __future__ import annotations

from typing import Any

import harness
from harness import QUESTION, Stage, step
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


def llm(stage: Stage) -> OpenAILike:
    return OpenAILike(
        model="auto", api_base=f"{stage.root}/v1", api_key="none", is_chat_model=True, max_retries=0, timeout=20
    )


@step
def completed(stage: Stage) -> Any:
    return llm(stage).complete(QUESTION).text


@step
def chatted(stage: Stage) -> Any:
    return llm(stage).chat([ChatMessage(role="user", content=QUESTION)]).message.content


@step
def streamed(stage: Stage) -> Any:
    return "".join(part.delta or "" for part in llm(stage).stream_complete(QUESTION))


if __name__ == "__main__":
    harness.main()
