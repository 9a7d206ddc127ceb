"""OpenAI's SDK, with its own retries, while every provider refuses everything, and after that."""

from __future__ import annotations

import time
from typing import Any

import harness
from chats import ASKED
from harness import Stage, step
from openai import APIStatusError, DefaultHttpxClient, OpenAI

WARM_UP, REQUESTS = 10, 50
RECOVERS_SECONDS = 180.0


@step
def outage(stage: Stage) -> Any:
    sent: list[Any] = []
    http = DefaultHttpxClient(event_hooks={"request": [sent.append]})
    chat = OpenAI(base_url=f"{stage.root}/v1", api_key="none", http_client=http, timeout=60).chat.completions
    told: set[Any] = set()
    stage.outage(1.0)
    for number in range(WARM_UP + REQUESTS):
        if number == WARM_UP:
            sent.clear()
            before = stage.received()
        try:
            chat.create(model="auto", messages=ASKED, extra_headers={"x-shunpike-deadline": "2"})
        except APIStatusError as error:
            told.add((error.status_code, error.response.headers.get("x-should-retry")))
    found: dict[str, Any] = {"sent": len(sent), "attempts": stage.received() - before, "at_first": before}
    found["told"] = sorted(told)
    stage.outage(0.0)
    ends = time.monotonic() + RECOVERS_SECONDS
    while time.monotonic() < ends:
        try:
            return {**found, "after": chat.create(model="auto", messages=ASKED).choices[0].message.content}
        except APIStatusError:
            time.sleep(1)
    return {**found, "after": None}


if __name__ == "__main__":
    harness.main()
