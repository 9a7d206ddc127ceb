"""A switch that one process sets is obeyed by another within a second: a hundred times, on each database."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from shunpike.control import DatabaseControl
from shunpike.types.control import Change, ControlSetting, Signature, Subject

from .rig import PATIENCE, open_store, write
from .switched import NAMES

ROUNDS = 5
SECOND = 1.0
KEPT_OFF = 1.3
"""Seconds for which all of them stay switched off: longer than a process has to obey."""
_BODY = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
)
_LIST = json.dumps({"object": "list", "data": [{"id": "m-1", "object": "model"}]})


class Counting:
    """A provider on loopback that writes down when it was asked for an answer, and in which name."""

    def __init__(self) -> None:
        self.asked: dict[str, list[float]] = defaultdict(list)

    async def serve(self, stream: SocketStream) -> None:
        """Answer one connection until it is closed."""
        async with stream:
            received = b""
            while True:
                try:
                    while b"\r\n\r\n" not in received:
                        received += await stream.receive()
                    head, _, received = received.partition(b"\r\n\r\n")
                    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
                    while len(received) < int(fields.get(b"content-length", b"0")):
                        received += await stream.receive()
                    received = received[int(fields.get(b"content-length", b"0")) :]
                    await stream.send(self._answer(head.decode()))
                except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return

    def _answer(self, head: str) -> bytes:
        method, path, _ = head.split(" ", 2)
        if method == "POST":
            self.asked[path.split("/")[1]].append(time.monotonic())
        body = (_BODY if method == "POST" else _LIST).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[Counting, str]]:
    """The provider and its address."""
    provider = Counting()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, provider.serve)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio's
        yield provider, f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


@asynccontextmanager
async def asking(store_url: str, root: str, stop: Path) -> AsyncIterator[None]:
    """Another process that asks all of them until the end, which must be a good one."""
    process = started(store_url, root, str(stop))
    try:
        yield
        write(stop, "now")
        await until(lambda: process.poll() is not None)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def started(*words: str) -> subprocess.Popen[bytes]:
    """Start the other process."""
    script = Path(__file__).with_name("switched.py")
    return subprocess.Popen([sys.executable, str(script), *words], start_new_session=True)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    with anyio.fail_after(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - another process makes it so
            await anyio.sleep(0.01)


def switch(name: str, value: bool | None) -> Change:
    return Change(subject=Subject.ACCOUNT, name=name, setting=ControlSetting.ENABLED, value=value)


@pytest.mark.anyio
async def test_a_switch_set_in_one_process_is_obeyed_by_another_within_a_second(store_url: str, tmp_path: Path) -> None:
    """A hundred times off and on: no request after the second, and one again within a second of the end."""
    store = open_store(store_url)
    control, signed = DatabaseControl(store.database), Signature(at=time.time(), who="ann@north", why="a test")
    late, slow = list[tuple[str, float]](), list[tuple[str, float]]()
    async with counting() as (provider, root), asking(store_url, root, tmp_path / "stop"):
        await until(lambda: len(provider.asked) == len(NAMES))
        for _ in range(ROUNDS):
            off, on = {}, {}
            for name in NAMES:
                await control.change([switch(name, value=False)], signed)
                off[name] = time.monotonic()
            await anyio.sleep(KEPT_OFF)
            for name in NAMES:
                on[name] = time.monotonic()
                await control.change([switch(name, value=None)], signed)
                since = [at - off[name] for at in provider.asked[name] if off[name] <= at < on[name]]
                late += [(name, seconds) for seconds in since if seconds >= SECOND]
                slow.append((name, max(since, default=0.0)))
            await until(lambda on=on: all(provider.asked[name][-1] > on[name] for name in NAMES))
    await store.aclose()
    print(f"{len(slow)} switches, the slowest obeyed after {max(seconds for _, seconds in slow):.3f} s")
    assert len(slow) == ROUNDS * len(NAMES) == 100
    assert late == []
