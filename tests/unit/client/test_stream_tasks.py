"""A stream over a real connection that is opened, read and closed in three different tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.upstream import Stall, Upstream, events, stream

WORD = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "word "}}]}
LAST = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


async def in_a_task(step: Callable[[], Awaitable[object]]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(step)


@pytest.mark.parametrize("ends", [True, False])
async def test_a_stream_is_opened_read_and_closed_in_three_tasks(tmp_path: Path, ends: bool) -> None:
    script = events(WORD, WORD, LAST) if ends else [*events(WORD, WORD, done=False), Stall()]
    found: list[str] = []
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(script))
        host = Host()
        host.register(builtin, "builtin")
        host.register(import_module("shunpike_openai").plugin, "openai")
        section = {"plugin": "openai", "base_url": upstream.base_url, "price": "free", "models": ["m"]}
        settings = Settings.model_validate({"store": f"sqlite:{tmp_path / 'ledger.db'}", "providers": {"own": section}})
        async with Client(settings, host=host, environ={}) as client:
            opened = client.stream("hi", model="own/m")

            async def read() -> None:
                while (ends or len(found) < 2) and (chunk := await opened.next()) is not None:
                    found.append(chunk.text)

            with anyio.fail_after(10):
                for step in (opened.__aenter__, read, opened.aclose):
                    await in_a_task(step)
                if not ends:
                    await upstream.idle()
            (row,) = await client.usage(0, 2e10)

    assert "".join(found) == "word word "
    assert (row.held, row.requests, row.answered) == (0, 1, int(ends))
