"""What an agent on Anthropic's SDK meets when providers fail it: it is done, or told once; it never goes in circles."""

from __future__ import annotations

import time
from typing import Any

import harness
from anthropic import Anthropic, DefaultHttpxClient
from harness import QUESTION, Stage, caught, step

ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
PINNED = "groq/openai/gpt-oss-120b"
"""Nobody else may answer for it."""
SCARCE = "together/openai/gpt-oss-120b"
"""The operator lets it be asked once a day."""


class Counted:
    """The SDK as it comes, with its own retries, and how often it asked."""

    def __init__(self, stage: Stage) -> None:
        self.sent = 0
        http = DefaultHttpxClient(event_hooks={"request": [self._count]})
        self.api = Anthropic(base_url=stage.root, api_key="none", http_client=http, timeout=60)

    def _count(self, request: Any) -> None:
        self.sent += 1

    def ask(self, model: str, messages: Any = ASKED) -> Any:
        return self.api.messages.create(model=model, max_tokens=500, messages=messages)


@step
def limited_for_seconds(stage: Stage) -> Any:
    stage.trouble("rate_limited", seconds=3)
    counted = Counted(stage)
    began = time.monotonic()
    message = counted.ask(PINNED)
    waited = time.monotonic() - began
    return {"stop": message.stop_reason, "sent": counted.sent, "waited_whole": waited >= 3}


@step
def spent_until_tomorrow(stage: Stage) -> Any:
    counted = Counted(stage)
    counted.ask(SCARCE)
    return {"error": caught(lambda: counted.ask(SCARCE)), "sent": counted.sent}


@step
def too_long(stage: Stage) -> Any:
    counted = Counted(stage)
    long: list[Any] = [{"role": "user", "content": "x " * 200_000}]
    return {"error": caught(lambda: counted.ask(PINNED, long)), "sent": counted.sent}


@step
def silent(stage: Stage) -> Any:
    stage.trouble("slow", seconds=4)
    counted = Counted(stage)
    stream = counted.api.messages.create(model=PINNED, max_tokens=500, messages=ASKED, stream=True)
    lines = [line.removeprefix("event: ") for line in stream.response.iter_lines() if line.startswith("event: ")]
    return {"events": lines, "sent": counted.sent}


@step
def broken_in_the_middle(stage: Stage) -> Any:
    stage.trouble("cut")
    counted = Counted(stage)
    stream = counted.api.messages.create(model=PINNED, max_tokens=500, messages=ASKED, stream=True)
    return {"error": caught(lambda: list(stream)), "sent": counted.sent}


if __name__ == "__main__":
    harness.main()
