"""Real connections that fail before, in or after a request: what certainly did not leave costs nothing."""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator, Iterator

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from shunpike.errors import Exhausted, ShunpikeError
from shunpike_testkit.upstream import HangUp, Script

from .test_connecting import WAYS, Vendor, ask, booked, bounded, cancelled, client_of, hung

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""httpcore 1.0.9 leaves a connection that is given up in its TLS handshake to the garbage collector."""
NOTHING = (0, 0, 0, 0)


@pytest.fixture
def nobody() -> Iterator[str]:
    """The authority of a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(params=[b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["hangs up", "speaks plainly"])
async def no_tls(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The authority of a server that fails every handshake."""

    async def refuse(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if request.param:
                await stream.send(request.param)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, refuse)
        yield f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"  # noqa: S610 - no SQL near
        tasks.cancel_scope.cancel()
    gc.collect()  # here, where the warning is expected, and not in a later test


@WAYS
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection_owes_nothing(nobody: str, scheme: str, way: str) -> None:
    async with client_of(Vendor(f"{scheme}://{nobody}/v1"), max_attempts=1) as client:
        with pytest.raises(Exhausted):
            await ask(client, way)
        assert await booked(client) == NOTHING


@WAYS
async def test_a_failed_handshake_owes_nothing(no_tls: str, way: str) -> None:
    async with client_of(Vendor(f"https://{no_tls}/v1"), max_attempts=1) as client:
        with pytest.raises(Exhausted):
            await ask(client, way)
        assert await booked(client) == NOTHING


@WAYS
async def test_a_hang_up_after_the_body_came_stays_at_the_worst_case(way: str) -> None:
    async with (
        hung(Script([HangUp()])) as upstream,
        client_of(Vendor(upstream.base_url + "/v1"), max_attempts=1) as client,
    ):
        with pytest.raises(Exhausted):
            await ask(client, way)
        assert len(upstream.requests) == 1
        requests, unconfirmed, held, pico = await booked(client)
    assert (requests, unconfirmed, held, pico > 0) == (1, 1, 0, True)


@WAYS
@pytest.mark.parametrize("ends", ["timeout", "first_token", "cancelled"])
async def test_what_waits_for_a_place_in_a_full_pool_was_not_sent(way: str, ends: str) -> None:
    """A pool of the user's own has room for one connection, and that one hangs."""
    pool = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
    async with hung() as upstream, anyio.create_task_group() as tasks:
        blocking = pool.handle_async_request(httpx.Request("POST", f"{upstream.base_url}/v1/embeddings"))
        tasks.start_soon(lambda: blocking)
        await upstream.received(1)
        vendor = Vendor(upstream.base_url + "/v1", pool)
        bounds = {} if ends == "cancelled" else bounded(ends, 0.2)
        async with client_of(vendor, max_attempts=1, **bounds) as client:
            if ends == "cancelled":
                await cancelled(client, way, anyio.wait_all_tasks_blocked)
            else:
                with pytest.raises(ShunpikeError):
                    await ask(client, way)
            assert await booked(client) == NOTHING
            assert len(upstream.requests) == 1
            tasks.cancel_scope.cancel()


@WAYS
async def test_a_pool_of_the_users_own_that_can_not_connect_owes_nothing(nobody: str, way: str) -> None:
    vendor = Vendor(f"http://{nobody}/v1", httpx.AsyncHTTPTransport())
    async with client_of(vendor, max_attempts=1) as client:
        with pytest.raises(Exhausted):
            await ask(client, way)
        assert await booked(client) == NOTHING
