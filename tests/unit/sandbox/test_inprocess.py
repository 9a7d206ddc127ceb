"""The in-process transport streams for real, cancels for real and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from shunpike_sandbox.inprocess import InProcess


def request() -> httpx.Request:
    return httpx.Request("POST", "http://x/path?q=1", content=b"hello", headers={"X-One": "1"})


async def start(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-two", b"2")]})


async def test_scope_and_body_reach_the_application() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope, message=await receive())
        await start(send)
        await send({"type": "http.response.body", "body": b"bye"})

    reply = await InProcess(app).handle_async_request(request())
    assert await reply.aread() == b"bye"
    assert reply.headers["x-two"] == "2"
    assert (seen["path"], seen["query_string"], seen["message"]["body"]) == ("/path", b"q=1", b"hello")
    assert (b"x-one", b"1") in seen["headers"]


async def test_a_piece_is_made_only_when_it_is_read() -> None:
    made: list[int] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await start(send)
        for number in range(1000):
            made.append(number)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

    reply = await InProcess(app).handle_async_request(request())
    assert made == []
    stream = reply.stream.__aiter__()  # type: ignore[union-attr]
    for expected in (1, 2, 3):
        await stream.__anext__()
        assert len(made) == expected
    await reply.aclose()
    assert len(made) == 3


async def test_the_application_may_wait_between_pieces() -> None:
    opened = anyio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await opened.wait()
        await anyio.lowlevel.checkpoint()
        await send({"type": "http.response.body", "body": b"2"})

    reply = await InProcess(app).handle_async_request(request())
    async with anyio.create_task_group() as group:
        group.start_soon(reply.aread)
        await anyio.wait_all_tasks_blocked()
        opened.set()
    assert reply.content == b"12"


async def test_closing_tells_the_application_and_lets_it_tidy_up() -> None:
    story: list[str] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await start(send)
        try:
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
        except OSError:
            story.append((await receive())["type"])
        finally:
            await anyio.lowlevel.checkpoint()
            story.append("tidy")

    reply = await InProcess(app).handle_async_request(request())
    await reply.stream.__aiter__().__anext__()  # type: ignore[union-attr]
    await reply.aclose()
    await reply.aclose()
    assert story == ["http.disconnect", "tidy"]


async def test_cancelling_the_caller_cancels_the_application_where_it_waits() -> None:
    story: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            story.append("cancelled")
            raise

    with anyio.move_on_after(0.01):
        await InProcess(app).handle_async_request(request())
    assert story == ["cancelled"]


async def test_cancelling_between_pieces_closes_the_application() -> None:
    story: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await start(send)
        try:
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
            await anyio.sleep_forever()
        finally:
            story.append("ended")

    async with httpx.AsyncClient(transport=InProcess(app)) as client:
        with anyio.move_on_after(0.01):
            async with client.stream("GET", "http://x/") as reply:
                await reply.aread()
    assert story == ["ended"]


@pytest.mark.parametrize("started", [False, True])
async def test_an_application_that_breaks_is_a_broken_connection(started: bool) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if started:
            await start(send)
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
        raise RuntimeError("broken")

    async with httpx.AsyncClient(transport=InProcess(app)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("http://x/")


@pytest.mark.parametrize("started", [False, True])
async def test_an_application_that_stops_early_is_a_broken_connection(started: bool) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if started:
            await start(send)

    async with httpx.AsyncClient(transport=InProcess(app)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("http://x/")


async def test_a_hundred_requests_run_side_by_side() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await anyio.lowlevel.checkpoint()
        await start(send)
        await send({"type": "http.response.body", "body": body})

    replies: list[bytes] = []
    async with httpx.AsyncClient(transport=InProcess(app)) as client:

        async def one(number: int) -> None:
            replies.append((await client.post("http://x/", content=str(number).encode())).content)

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)
    assert sorted(map(int, replies)) == list(range(100))
