"""What carries requests: aiohttp on asyncio, httpx's own pool on trio and through proxies."""

from __future__ import annotations

import socket
import threading
import time
import traceback

import anyio
import httpx
import pytest
from anyio import to_thread

from shunpike.errors import Overloaded
from shunpike.types import Timeouts
from shunpike.wire import Http
from shunpike.wire.network import Network
from shunpike.wire.transport import open_transport
from shunpike_testkit.upstream import HangUp, Script, Upstream, reply


async def test_aiohttp_carries_requests_on_asyncio_and_httpx_on_trio(anyio_backend: str) -> None:
    transport = open_transport(secure=True)
    await transport.aclose()
    carrier = {"asyncio": "shunpike.wire.aiohttp_transport", "trio": "httpx"}[anyio_backend]
    assert type(transport).__module__ == carrier


async def test_httpx_carries_what_goes_through_a_proxy() -> None:
    way = Network(proxy="http://127.0.0.1:9").way_to(httpx.URL("http://api.example.com"))
    transport = open_transport(secure=False, way=way)
    await transport.aclose()
    assert isinstance(transport, httpx.AsyncHTTPTransport)


async def test_a_cookie_is_not_sent_back() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply([], headers={"set-cookie": "who=me; path=/"}))
        http = Http(upstream.base_url, {}, provider="acme")
        await http.get("/x", Timeouts())
        await http.get("/x", Timeouts())
        await http.aclose()
        assert [request.headers.get("cookie") for request in upstream.requests] == [None, None]


async def test_a_redirect_is_not_followed() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply([], status=307, headers={"location": "/y"}))
        http = Http(upstream.base_url, {}, provider="acme")
        found = await http.post("/x", {"a": 1}, Timeouts())
        await http.aclose()
        assert (found.status, len(upstream.requests)) == (307, 1)


async def test_each_header_is_sent_once_and_nothing_is_added() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply([]))
        http = Http(upstream.base_url, {"x-one": "1"}, provider="acme")
        await http.post("/x", {"a": 1}, Timeouts())
        await http.aclose()
        headers = upstream.requests[0].headers
    assert set(headers) - {"connection"} == {
        "host", "user-agent", "content-type", "accept-encoding", "content-length", "x-one",
    }  # fmt: skip


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 20x OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]
)
async def test_what_is_no_http_is_a_failure_of_the_provider(answer: bytes) -> None:
    async with Upstream() as upstream:
        upstream.on("/x", Script([answer, HangUp()]))
        http = Http(upstream.base_url, {}, provider="acme")
        with pytest.raises(Overloaded) as caught:
            await http.post("/x", {}, Timeouts())
        await http.aclose()
    assert (caught.value.kind, caught.value.billed) == ("connection", None)
    assert "\n" not in caught.value.message


async def test_a_long_header_of_an_answer_is_read() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply([], headers={"x-policy": "a" * 20_000}))
        http = Http(upstream.base_url, {}, provider="acme")
        assert len((await http.get("/x", Timeouts())).headers["x-policy"]) == 20_000
        await http.aclose()


async def test_many_requests_at_once_each_have_a_connection_and_later_ones_use_them_again() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply([]))
        http = Http(upstream.base_url, {}, provider="acme")
        for _ in range(2):
            async with anyio.create_task_group() as tasks:
                for _ in range(150):
                    tasks.start_soon(http.get, "/x", Timeouts())
        await http.aclose()
        assert len(upstream.requests) == 300
        assert upstream.connections <= 200


async def test_a_server_that_closes_while_the_body_arrives_is_a_broken_connection() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", Script([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", HangUp()]))
        http = Http(upstream.base_url, {}, provider="acme")
        with pytest.raises(Overloaded, match="broke"):
            await http.get("/x", Timeouts())
        await http.aclose()


ONE, NOBODYS = (b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text) for text in (b"1", b"nobody's"))


async def test_what_nobody_asked_for_is_never_the_answer_to_the_next_request() -> None:
    more = anyio.Event()
    async with Upstream() as upstream:
        upstream.on("/x", Script([ONE, more, NOBODYS]), reply("2"))
        http = Http(upstream.base_url, {}, provider="acme")
        first = await http.post("/x", {}, Timeouts())
        more.set()
        await anyio.wait_all_tasks_blocked()
        second = await http.post("/x", {}, Timeouts())
        await http.aclose()
    assert (first.body, second.body, upstream.connections) == (b"1", b"2", 2)


@pytest.mark.parametrize("more", [NOBODYS, b""])
async def test_what_came_while_the_event_loop_was_busy_is_seen_before_the_next_request(more: bytes) -> None:
    """Empty: the server hung up."""
    told, opened = threading.Event(), list[socket.socket]()

    def serve(listener: socket.socket) -> None:
        for answer in (ONE, ONE.replace(b"\r\n1", b"\r\n2")):
            connection, _ = listener.accept()
            opened.append(connection)
            received = b""
            while not received.endswith(b"{}"):
                received += connection.recv(65536)
            connection.sendall(answer)
            told.wait(5)
            if len(opened) == 1 and more:
                connection.sendall(more)
            elif len(opened) == 1:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        http = Http(f"http://127.0.0.1:{listener.getsockname()[1]}", {}, provider="acme")
        try:
            first = await http.post("/x", {}, Timeouts(total=5))
            told.set()
            time.sleep(0.2)  # noqa: ASYNC251 - this is what a busy event loop is
            second = await http.post("/x", {}, Timeouts(total=5))
        finally:
            await http.aclose()
            for connection in opened:
                connection.close()
    assert (first.body, second.body) == (b"1", b"2")


async def test_a_question_whose_fresh_connection_breaks_is_asked_once() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", Script([HangUp()]))
        http = Http(upstream.base_url, {}, provider="acme")
        with pytest.raises(Overloaded, match="broke"):
            await http.get("/x", Timeouts())
        await http.aclose()
    assert len(upstream.requests) == 1


async def test_the_time_to_connect_bounds_the_look_up_of_the_name_and_tells_no_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        found.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    http = Http("http://slow.example.com", {}, provider="acme")
    with pytest.raises(Overloaded, match="no connection") as caught:
        await http.get(f"/x?{'q' * 9}", Timeouts(connect=0.05, first_token=5, total=5))
    found.set()
    await http.aclose()
    assert caught.value.billed is False
    assert "q" * 9 not in "".join(traceback.format_exception(caught.value))


def test_one_http_serves_one_event_loop_after_another_is_closed() -> None:
    """Each event loop has connections of its own: see ``client/loops.py``."""

    async def ask() -> int:
        async with Upstream() as upstream:
            upstream.on("/x", reply([]))
            http = Http(upstream.base_url, {}, provider="acme")
            status = (await http.get("/x", Timeouts())).status
            await http.aclose()
            return status

    async def in_threads() -> list[int]:
        return [await to_thread.run_sync(lambda: anyio.run(ask)) for _ in range(2)]

    assert anyio.run(in_threads) == [200, 200]
