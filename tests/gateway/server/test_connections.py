"""What comes over a socket: odd heads, drips, floods and hang-ups. The server stays well, and so do others."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

import httpx
import pytest

from shunpike.types import GatewaySettings

from ..running import RunningGateway  # noqa: TID252 - the tests are no package
from .sockets import ANSWER, PATIENCE, Patient, asking, exchanged, opened, patient, post, settings_over

HELLO = asking(stream=False, model="auto")
HANG_UPS = 40
"""At a time; both kinds of answers are hung up on five times as often."""

ODD_HEADS = {
    "no host": b"GET /api/hello HTTP/1.1\r\nconnection: close\r\n\r\n",
    "two hosts": b"GET /api/hello HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    "length and chunks": post(HELLO, "transfer-encoding: chunked"),
    "two lengths": post(HELLO, "content-length: 7"),
    "negative length": b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    "length that is none": b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1e3\r\n\r\n",
    "unknown transfer coding": post(HELLO, "transfer-encoding: gzip"),
    "null in a header": post(HELLO, "x-a: b\0c"),
    "bare line feed in a header": post(HELLO, "x-a: b\nx-evil: c"),
    "carriage return in a header": post(HELLO, "x-a: b\rc"),
    "folded header": post(HELLO, "x-a: b\r\n c"),
    "space in a name": post(HELLO, "x a: b"),
    "no name": post(HELLO, ": b"),
    "control in a header": post(HELLO, "x-a: \x1b[31m"),
    "two hundred headers": post(HELLO, *(f"x-{number}: a" for number in range(200))),
    "a header of a megabyte": post(HELLO, f"x-a: {'a' * 1_000_000}"),
    "a path of a megabyte": post(HELLO, path=f"/{'a' * 1_000_000}"),
    "null in the path": post(HELLO, path="/\0"),
    "bytes that are no text in the path": b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "an unknown method": b"BREW /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\nconnection: close\r\n\r\n",
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "http/3": b"GET / HTTP/3.0\r\nhost: localhost\r\n\r\n",
    "a chunk that is none": b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n"
    b"connection: close\r\n\r\nxyz\r\n",
}


@pytest.mark.parametrize("name", sorted(ODD_HEADS))
async def test_an_odd_head_is_answered_with_4xx_and_nothing_of_it_is_repeated(
    running_gateway: RunningGateway, name: str
) -> None:
    found = await exchanged(running_gateway.url, ODD_HEADS[name])
    if name == "a chunk that is none" and not found:
        return  # its head was right: the request is dropped
    status, head = int(found.split(b" ")[1]), found.partition(b"\r\n\r\n")[0]
    assert 400 <= status < 500, found[:300]
    assert b"x-evil" not in head
    async with httpx.AsyncClient(base_url=running_gateway.url, trust_env=False) as http:
        assert (await http.get("/api/hello")).status_code == 200


class TestShortDeadlines:
    @pytest.fixture
    def gateway_settings(self) -> GatewaySettings:
        return GatewaySettings(port=0, header_timeout=0.5, body_timeout=0.5, connections=50)

    async def test_drips_are_closed_and_others_are_served_meanwhile(self, running_gateway: RunningGateway) -> None:
        """A head, a body and nothing at all, each byte by byte for ever."""
        begun = [b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-a: ", b"", post(HELLO)[:-5]]
        begun += [b"GET /api/hello HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999\r\n\r\n"]

        async def drip(first: bytes) -> float:
            reader, writer = await opened(running_gateway.url)
            began_mono = time.monotonic()
            writer.write(first)
            ended = asyncio.create_task(reader.read())
            while not ended.done():
                if first:
                    writer.write(b"a")
                await asyncio.wait([ended], timeout=0.05)
            with suppress(ConnectionError):  # what is sent to a connection that was closed resets it
                await ended
            writer.close()
            return time.monotonic() - began_mono

        async with asyncio.timeout(PATIENCE):
            drips = asyncio.gather(*(drip(first) for first in begun * 10))
            async with httpx.AsyncClient(base_url=running_gateway.url, trust_env=False, timeout=PATIENCE) as http:
                for _ in range(10):
                    assert (await http.post("/v1/chat/completions", content=HELLO)).status_code == 200
            ended = await drips
        assert all(one < 15 for one in ended), ended
        assert len(ended) == 40

    async def test_a_connection_too_many_is_told_so(self, running_gateway: RunningGateway) -> None:
        held = [await opened(running_gateway.url) for _ in range(50)]
        found = await exchanged(running_gateway.url, post(HELLO))
        assert found.startswith(b"HTTP/1.1 503 ")
        assert json.loads(found.partition(b"\r\n\r\n")[2])["error"]["code"] == "overloaded"
        for _, writer in held:
            writer.close()


async def until_left(running: RunningGateway, count: int) -> None:
    """Wait until the server has so many connections left."""
    while len(running.server.server_state.connections) > count:  # noqa: ASYNC110 - another thread closes them
        await asyncio.sleep(0.01)


async def test_a_request_on_a_connection_too_many_is_not_run() -> None:
    async with patient() as upstream:
        upstream.answer = ANSWER
        with RunningGateway(settings_over(upstream.url, GatewaySettings(port=0, connections=1))) as running:
            _, held = await opened(running.url)
            reader, writer = await opened(running.url)
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
                writer.write(post(asking(stream=False)))
                await until_left(running, 1)
            writer.close()
            held.close()
    assert upstream.came == 0


async def test_what_comes_after_a_rejection_is_thrown_away(
    running_gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await opened(running_gateway.url)
    async with asyncio.timeout(PATIENCE):
        writer.write(b"\x16\x03\x01\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        writer.write(b"\x16\x03\x01\r\n\r\n")
        await until_left(running_gateway, 0)
    writer.close()
    assert "Fatal error" not in caplog.text


class TestSmallBodies:
    @pytest.fixture
    def gateway_settings(self) -> GatewaySettings:
        return GatewaySettings(port=0, max_body=100_000)

    async def test_a_body_without_end_gets_its_answer_while_it_is_sent(self, running_gateway: RunningGateway) -> None:
        reader, writer = await opened(running_gateway.url)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        answered = asyncio.create_task(reader.read())
        sent = 0
        async with asyncio.timeout(PATIENCE):
            while not answered.done() and sent < 10_000_000:
                writer.write(b"ffff\r\n" + b" " * 0xFFFF + b"\r\n")
                sent += 0xFFFF
                await writer.drain()
            found = await answered
        assert found.startswith(b"HTTP/1.1 413 ")
        assert b"request_too_large" in found
        writer.close()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_whoever_hangs_up_is_followed_by_the_upstream_at_once(stream: bool) -> None:
    """Seen: 99 of 100 within 10 ms; the bound is for a machine that is busy."""
    async with patient() as upstream:
        settings = settings_over(upstream.url, GatewaySettings(port=0))
        with RunningGateway(settings) as running:
            seconds = []
            for _ in range(5):
                seconds += await hung_up(running, upstream, stream=stream)
            usage = await running.usage()
    seconds.sort()
    assert len(seconds) == 5 * HANG_UPS
    assert seconds[int(len(seconds) * 0.99) - 1] < 1.0, seconds[-5:]
    assert sum(row.requests for row in usage) == 5 * HANG_UPS
    assert not any(row.held for row in usage)


async def hung_up(running: RunningGateway, upstream: Patient, *, stream: bool) -> list[float]:
    """Ask, hang up when the upstream is asked (and has begun), and return how long it took to hear of it."""
    before = len(upstream.left_mono)
    came = upstream.came
    calls = [await opened(running.url) for _ in range(HANG_UPS)]
    async with asyncio.timeout(PATIENCE):
        for reader, writer in calls:
            writer.write(post(asking(stream=stream)))
            if stream:
                await reader.readuntil(b"hi")
        await upstream.until_came(came + HANG_UPS)
        seconds = []
        for number, (_, writer) in enumerate(calls, 1):
            left_mono = time.monotonic()
            writer.transport.abort()
            await upstream.until_left(before + number)
            seconds.append(upstream.left_mono[-1] - left_mono)
    return seconds


async def test_what_runs_ends_what_comes_is_told_to_come_back_and_then_it_closes() -> None:
    async with patient() as upstream:
        settings = settings_over(upstream.url, GatewaySettings(port=0, drain=PATIENCE))
        with RunningGateway(settings) as running:
            reader, writer = await opened(running.url)
            idle = await opened(running.url)
            writer.write(post(asking(stream=True)))
            async with asyncio.timeout(PATIENCE):
                await reader.readuntil(b"hi")
                running.stop()
                while not running.app.draining:  # noqa: ASYNC110 - another thread tells it
                    await asyncio.sleep(0.001)
                refused = await exchanged(
                    running.url, post(asking(stream=False)).replace(b"connection: close\r\n", b"")
                )
                assert refused.startswith(b"HTTP/1.1 503 ")
                assert b"connection: close" in refused
                assert b"shutting_down" in refused
                assert not reader.at_eof()
                writer.transport.abort()  # the one that ran is over
                assert await idle[0].read() == b""
                idle[1].close()


@pytest.mark.parametrize(("told", "ends"), [("stop", False), ("interrupt", True)])
async def test_what_runs_is_ended_by_a_second_interrupt_and_by_no_second_stop(told: str, ends: bool) -> None:
    """A service manager may tell a process and whoever watches over it, which tells it once more."""
    async with patient() as upstream:
        settings = settings_over(upstream.url, GatewaySettings(port=0, drain=PATIENCE))
        with RunningGateway(settings) as running:
            asked = asyncio.create_task(exchanged(running.url, post(asking(stream=False))))
            async with asyncio.timeout(PATIENCE):
                await upstream.until_came(1)
                for _ in range(2):
                    running.loop.call_soon_threadsafe(getattr(running.server, told))
                while not running.app.draining:  # noqa: ASYNC110 - another thread tells it
                    await asyncio.sleep(0.001)
                assert running.server.should_exit is ends
                if not ends:
                    running.loop.call_soon_threadsafe(running.server.interrupt)
                assert (await asked).startswith(b"HTTP/1.1 503 ")


async def test_what_runs_longer_than_it_may_is_told_so() -> None:
    async with patient() as upstream:
        with RunningGateway(settings_over(upstream.url, GatewaySettings(port=0, drain=0.1))) as running:
            asked = asyncio.create_task(exchanged(running.url, post(asking(stream=False))))
            async with asyncio.timeout(PATIENCE):
                await upstream.until_came(1)
                running.stop()
                assert (await asked).startswith(b"HTTP/1.1 503 ")


async def test_a_connection_that_stays_open_serves_many() -> None:
    async with patient() as upstream:
        upstream.answer = ANSWER
        with RunningGateway(settings_over(upstream.url, GatewaySettings(port=0))) as running:
            async with httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=PATIENCE) as http:
                for _ in range(5):
                    answer = await http.post("/v1/chat/completions", content=asking(stream=False))
                    assert answer.json()["choices"][0]["message"]["content"] == "fine"
                assert len(running.server.server_state.connections) == 1
