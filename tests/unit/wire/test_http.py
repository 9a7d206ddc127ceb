from __future__ import annotations

import gzip
import socket
from typing import Any

import anyio
import httpx
import pytest

from shunpike.errors import ConfigError, Overloaded, UsageError
from shunpike.types import Timeouts
from shunpike.wire import Http
from shunpike_testkit.upstream import HangUp, Script, Stall, Upstream, events, hang_up, head, reply, stream

KEY = "sk-test-0123456789abcdef"
QUICK = Timeouts(connect=5, first_token=0.15, idle=0.15, total=5)


def client(base_url: str, **options: Any) -> Http:
    return Http(base_url, {"authorization": f"Bearer {KEY}"}, provider="acme", **options)


async def test_a_post_sends_json_with_the_key_and_returns_all_of_the_answer() -> None:
    async with Upstream() as upstream:
        upstream.on("/v1/chat", reply({"ok": True}, status=201, headers={"X-Request-Id": "r1"}))
        http = client(upstream.base_url + "/v1/")
        found = await http.post("/chat", {"ask": "ü"}, Timeouts(), {"x-extra": "1"})
        await http.aclose()
        [request] = upstream.requests
    assert (found.status, found.body, found.headers["x-request-id"]) == (201, b'{"ok": true}', "r1")
    assert (request.method, request.path, request.json) == ("POST", "/v1/chat", {"ask": "ü"})
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-extra"] == "1"
    assert request.headers["content-type"] == "application/json"


async def test_a_get_has_no_body() -> None:
    async with Upstream() as upstream:
        upstream.on("/models", reply([]))
        http = client(upstream.base_url)
        found = await http.get("/models?limit=5", Timeouts())
        await http.aclose()
        assert (upstream.requests[0].method, upstream.requests[0].path) == ("GET", "/models?limit=5")
    assert found.body == b"[]"


async def test_a_compressed_answer_is_unpacked() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply(gzip.compress(b'{"a":1}'), headers={"content-encoding": "gzip"}))
        upstream.on("/broken", reply(b"no gzip at all", headers={"content-encoding": "gzip"}))
        http = client(upstream.base_url)
        assert (await http.get("/x", Timeouts())).body == b'{"a":1}'
        with pytest.raises(Overloaded, match="compression is broken") as caught:
            await http.get("/broken", Timeouts())
        await http.aclose()
    assert caught.value.kind == "malformed"


async def test_an_answer_without_bound_is_refused() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", stream(["x" * 1000] * 20))
        http = client(upstream.base_url)
        with pytest.raises(Overloaded, match="larger than 5000 bytes") as caught:
            async with http.stream("/x", None, Timeouts()) as flow:
                await flow.read(5000)
        await upstream.idle()
        await http.aclose()
    assert caught.value.kind == "malformed"


async def test_a_refused_connection_was_never_billed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        http = client(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Overloaded, match=r"acme: no connection to http://127\.0\.0\.1:\d+/x: ") as caught:
            await http.post("/x", {}, Timeouts())
        await http.aclose()
    assert caught.value.kind == "connection"
    assert caught.value.billed is False


@pytest.mark.parametrize("steps", [[], [head(200, {"content-length": "10"}) + b"half"]])
async def test_nobody_knows_whether_a_broken_exchange_was_billed(steps: list[bytes]) -> None:
    async with Upstream() as upstream:
        upstream.on("/x", hang_up(*steps))
        http = client(upstream.base_url)
        with pytest.raises(Overloaded, match="broke") as caught:
            await http.post("/x", {}, Timeouts())
        await http.aclose()
    assert caught.value.kind == "connection"
    assert caught.value.billed is None


async def test_a_provider_that_says_nothing_runs_into_the_time_for_the_first_byte() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", Script([Stall()]))
        http = client(upstream.base_url)
        with pytest.raises(Overloaded, match=r"nothing came within 0\.15 s") as caught:
            await http.post("/x", {}, QUICK)
        await upstream.idle()
        await http.aclose()
    assert (caught.value.kind, caught.value.billed) == ("timeout", None)


async def test_a_body_may_take_longer_than_the_first_byte_but_not_longer_than_the_total() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", Script([head(200, {"content-length": "10"}), Stall()]))
        http = client(upstream.base_url)
        with pytest.raises(Overloaded, match=r"not complete after 0\.4 s"):
            await http.post("/x", {}, Timeouts(first_token=0.1, idle=0.1, total=0.4))
        await http.aclose()


async def test_without_a_beat_bytes_do_not_prolong_the_wait() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", stream([*events({"a": 1}, done=False), ": keep-alive\n\n", Stall()]))
        http = client(upstream.base_url)
        async with http.stream("/x", {}, QUICK) as flow:
            assert await flow.receive() == b'data: {"a": 1}\n\n'
            flow.beat()
            assert await flow.receive() == b": keep-alive\n\n"
            with pytest.raises(Overloaded, match=r"no data came for 0\.15 s"):
                await flow.receive()
        await http.aclose()


async def test_cancelling_closes_the_connection() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", Script([Stall()]))
        http = client(upstream.base_url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(http.post, "/x", {}, Timeouts())
            await upstream.received(1)
            tasks.cancel_scope.cancel()
        await upstream.idle()
        await http.aclose()


async def test_leaving_a_stream_early_closes_the_connection() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", stream(["one", "two", Stall()]))
        http = client(upstream.base_url)
        async with http.stream("/x", {}, Timeouts()) as flow:
            assert (await flow.receive()).startswith(b"one")
        await upstream.idle()
        await http.aclose()


async def test_a_connection_that_was_read_to_its_end_is_used_again() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply({}), stream(["a", "b"]), reply({}))
        http = client(upstream.base_url)
        for _ in range(3):
            await http.post("/x", {}, Timeouts())
        assert upstream.connections == 1
        await http.aclose()


async def test_a_hundred_calls_at_once_share_one_transport() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply({"ok": 1}))
        http = client(upstream.base_url)
        found: list[int] = []

        async def ask() -> None:
            found.append((await http.post("/x", {}, Timeouts())).status)

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)
        await http.aclose()
        await http.aclose()
    assert found == [200] * 100


async def test_a_redirect_is_not_followed() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", reply(b"", status=307, headers={"location": "http://127.0.0.1:9/"}))
        http = client(upstream.base_url)
        assert (await http.post("/x", {}, Timeouts())).status == 307
        assert len(upstream.requests) == 1
        await http.aclose()


async def test_the_key_stays_with_its_origin() -> None:
    http = client("https://api.example.com/v1")
    for path in ("@evil.example/x", "chat", ":9@evil.example/"):
        with pytest.raises(ConfigError, match=r"would leave|not an"):
            http.stream(path, {}, Timeouts())


async def test_a_transport_of_the_callers_own_is_used() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"at": str(request.url)})

    http = client("https://api.example.com/v1", transport=httpx.MockTransport(answer))
    assert (await http.get("/models", Timeouts())).body == b'{"at":"https://api.example.com/v1/models"}'
    await http.aclose()


async def test_what_json_does_not_have_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError, match="can't be written as JSON"):
        client("https://api.example.com").stream("/x", {"temperature": float("nan")}, Timeouts())


@pytest.mark.parametrize("value", ["line\nbreak", " padded", "ключ", "tab\there"])
def test_a_key_that_can_not_be_a_header_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ConfigError, match="'authorization'") as caught:
        Http("https://api.example.com", {"authorization": value}, provider="acme")
    assert value.strip() not in f"{caught.value}{caught.value.hint}"


def test_nothing_secret_is_in_the_repr() -> None:
    assert repr(client("https://api.example.com/v1/")) == "Http('https://api.example.com/v1')"


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "https://", "http://[::1"])
def test_only_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(ConfigError, match="acme"):
        client(url)


class ClientConnectionError(Exception):
    """Named like what aiohttp raises for everything about a connection."""


class ClientConnectorError(ClientConnectionError):
    """Named like what aiohttp raises when there is no connection."""


@pytest.mark.parametrize(
    ("error", "cause", "billed", "kind"),
    [
        (httpx.ConnectError, OSError, False, "connection"),
        (httpx.ConnectTimeout, TimeoutError, False, "connection"),
        (httpx.ConnectTimeout, ClientConnectorError, False, "connection"),
        (httpx.ConnectTimeout, ClientConnectionError, None, "connection"),
        (httpx.ReadTimeout, TimeoutError, None, "timeout"),
        (httpx.ReadError, OSError, None, "connection"),
        (httpx.LocalProtocolError, ValueError, None, "connection"),
    ],
)
async def test_only_what_was_surely_never_sent_is_surely_not_billed(
    error: type[httpx.HTTPError], cause: type[Exception], billed: bool | None, kind: str
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error(f"broken {KEY}") from cause()

    http = client("https://api.example.com", transport=httpx.MockTransport(fail))
    with pytest.raises(Overloaded) as caught:
        await http.get("/x", Timeouts())
    await http.aclose()
    assert (caught.value.billed, caught.value.kind) == (billed, kind)
    assert error is not httpx.LocalProtocolError or KEY not in str(caught.value)


async def test_a_closed_client_does_not_open_again() -> None:
    http = client("https://api.example.com")
    await http.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await http.get("/x", Timeouts())


async def test_a_hang_up_in_the_middle_of_a_stream_is_a_broken_connection() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", stream(["data: 1\n\n", HangUp()]))
        http = client(upstream.base_url)
        async with http.stream("/x", {}, Timeouts()) as flow:
            assert await flow.receive() == b"data: 1\n\n"
            with pytest.raises(Overloaded, match="broke"):
                await flow.receive()
            assert await flow.receive() == b""
        await http.aclose()
