"""A host that says nothing, or nothing of use, leaves enough of the time for the next one."""

from __future__ import annotations

import json
from collections.abc import Sequence

import anyio
import pytest

from shunpike.client import Client
from shunpike.types import Completion, Settings
from shunpike_testkit.upstream import Script, Stall, Step, Upstream, head, reply, stream

WELL = {
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "well"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}
EMPTY = {"model": "m", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": None}]}
GAP = 0.1


def dripping(kind: str, drops: Sequence[anyio.Event]) -> Script:
    """Return an answer of which a chunk comes at each drop."""
    if kind == "silent":
        return Script([Stall()])
    if kind == "bytes":
        steps: list[Step] = [head(200, {"content-type": "application/json", "transfer-encoding": "chunked"})]
        return Script([*steps, *(step for drop in drops for step in (drop, b"1\r\n \r\n"))])
    chunk = "\n\n" if kind == "blank lines" else f"data: {json.dumps(EMPTY)}\n\n"
    return stream([part for drop in drops for part in (drop, chunk)])


async def ask(opened: Client, *, streamed: bool) -> Completion:
    if not streamed:
        return await opened.complete("hi", providers=["a", "b"], timeout=1)
    async with opened.stream("hi", providers=["a", "b"], timeout=1) as answer:
        _ = [chunk async for chunk in answer]
    return answer.completion


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["silent", "bytes", "blank lines", "empty deltas"])
async def test_a_host_that_gives_nothing_of_use_leaves_time_for_the_next(kind: str, *, streamed: bool) -> None:
    drops = [anyio.Event() for _ in range(40)]

    async def drip() -> None:
        for drop in drops:
            await anyio.sleep(GAP)
            drop.set()

    models = reply({"data": [{"id": "m"}]})
    async with Upstream() as upstream, anyio.create_task_group() as tasks:
        upstream.on("/a/models", models).on("/b/models", models)
        upstream.on("/a/chat/completions", dripping(kind, drops)).on("/b/chat/completions", reply(WELL))
        own = {"plugin": "openai", "price": "free"}
        sections = {name: {**own, "base_url": f"{upstream.base_url}/{name}"} for name in ("a", "b")}
        settings = Settings.model_validate({"store": "memory:", "order": ["a", "b"], "providers": sections})
        tasks.start_soon(drip)
        async with Client(settings, environ={}) as opened:
            done = await ask(opened, streamed=streamed)
        tasks.cancel_scope.cancel()
    assert done.text == "well"
    assert [(one.provider, one.error) for one in done.attempts] == [("a", "timeout"), ("b", None)]
