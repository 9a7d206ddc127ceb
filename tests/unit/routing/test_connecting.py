"""What ends while a connection is still being made costs nothing, whatever ended it; a body that was sent may cost."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, PluginError, ShunpikeError
from shunpike.hookspecs import hookimpl
from shunpike.not_sent import Departure, begin_attempt, is_unsent
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Billing, Price, ProviderSettings, Settings
from shunpike.wire import EmbeddingBackend
from shunpike_testkit.scripted import ScriptedProvider, answer
from shunpike_testkit.upstream import Script, Stall, Upstream

BUDGET = {"amount": {"pico": 10**12}, "period": "day"}
PRICE = Price.per_million("1", "2")
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""httpcore 1.0.9 leaves a connection that is given up in its TLS handshake to the garbage collector."""
WAYS = pytest.mark.parametrize("way", ["complete", "stream", "embed"])


class Vendor(ScriptedProvider):
    """A paid provider over the wire's own backend."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__("vendor", billing=Billing.CARD, price=PRICE)
        self.models = (self.model("m"), self.model("e").model_copy(update={"kind": "embedding"}))
        self.settings = ProviderSettings(base_url=base_url, transport=transport)
        self.order = 0

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        return EmbeddingBackend(self.shunpike_providers()[0], self.settings) if provider == self.name else None


class Silent:
    """A listener that takes connections, as the system does by itself, and never says a word."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.base_url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"

    async def connected(self) -> None:
        """Wait until somebody has connected."""
        await anyio.wait_readable(self.listener)


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Silent(listener)
    gc.collect()  # here, where the warning is expected, and not in a later test


def client_of(*providers: ScriptedProvider, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for provider in providers:
        host.register(provider, provider.name)
    made = {"store": "memory:", "allow_paid": True, "budgets": [BUDGET], "max_attempts": 2, **settings}
    return Client(Settings.model_validate(made), host=host, environ={})


def bounded(bound: str, seconds: float) -> dict[str, Any]:
    return {"timeout": seconds} if bound == "timeout" else {"providers": {"vendor": {"timeouts": {bound: seconds}}}}


async def ask(client: Client, way: str) -> None:
    if way == "stream":
        async with client.stream("hi", model="vendor/m"):
            pass
    elif way == "embed":
        await client.embed("hi", model="vendor/e")
    else:
        await client.complete("hi", model="vendor/m")


async def cancelled(client: Client, way: str, moment: Callable[[], Any]) -> None:
    """Cancel a request when ``moment`` has come."""
    async with anyio.create_task_group() as group:
        group.start_soon(ask, client, way)
        await moment()
        group.cancel_scope.cancel()


async def booked(client: Client) -> tuple[int, int, int, int]:
    """Return (requests that count, unconfirmed, held, pico dollars)."""
    rows = await client.usage(0, 2e10)
    (left,) = [one for _, one in await client.limits()]
    assert left.used == sum(row.cost.pico for row in rows), "the budget says what the rows say"
    return (
        sum(row.requests for row in rows),
        sum(row.unconfirmed for row in rows),
        sum(row.held for row in rows),
        sum(row.cost.pico for row in rows),
    )


@WAYS
async def test_a_cancellation_while_connecting_gives_all_back(silent: Silent, way: str) -> None:
    async with client_of(Vendor(silent.base_url)) as client:
        await cancelled(client, way, silent.connected)
        assert await booked(client) == (0, 0, 0, 0)


@WAYS
async def test_a_timeout_while_connecting_gives_all_back(silent: Silent, way: str) -> None:
    async with client_of(Vendor(silent.base_url), timeout=0.2) as client:
        with pytest.raises(Exhausted):
            await ask(client, way)
        assert await booked(client) == (0, 0, 0, 0)


@WAYS
@pytest.mark.parametrize("bound", ["connect", "first_token", "total"])
async def test_a_bound_of_the_wire_that_ends_while_connecting_gives_all_back(
    silent: Silent, way: str, bound: str
) -> None:
    async with client_of(Vendor(silent.base_url), max_attempts=1, **bounded(bound, 0.1)) as client:
        with pytest.raises(Exhausted):
            await ask(client, way)
        assert await booked(client) == (0, 0, 0, 0)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_share_of_time_that_ends_while_connecting_gives_all_back(silent: Silent, *, streamed: bool) -> None:
    other = ScriptedProvider("other", answer("here"), billing=Billing.CARD, price=PRICE)
    async with client_of(Vendor(silent.base_url), other, timeout=5.0, attempt_share=0.04) as client:
        if streamed:
            async with client.stream("hi") as stream:
                async for _ in stream:
                    pass
            done = stream.completion
        else:
            done = await client.complete("hi")
        first, second = done.decision.attempts
        assert (first.provider, first.error, first.state, first.cost.pico) == ("vendor", "timeout", "released", 0)
        assert (done.text, second.state) == ("here", "settled")
        (row,) = [one for one in await client.usage(0, 2e10) if one.requests]
        assert row.provider == "other"


@WAYS
@pytest.mark.parametrize(
    "error", [RuntimeError("can't start new thread"), OSError(errno.EMFILE, "Too many open files")], ids=repr
)
async def test_a_machine_that_can_not_connect_owes_nothing(
    monkeypatch: pytest.MonkeyPatch, way: str, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    async with client_of(Vendor("https://api.example.invalid/v1"), max_attempts=1) as client:
        monkeypatch.setattr(socket, "getaddrinfo", fail)
        with pytest.raises((Exhausted, PluginError)):
            await ask(client, way)
        assert await booked(client) == (0, 0, 0, 0)


def hung(*first: Script) -> Upstream:
    upstream = Upstream()
    for path in ("/v1/chat/completions", "/v1/embeddings"):
        upstream.on(path, *first, Script([Stall()]))
    return upstream


@WAYS
async def test_a_cancellation_after_the_body_was_sent_stays_at_the_worst_case(way: str) -> None:
    async with hung() as upstream, client_of(Vendor(upstream.base_url + "/v1")) as client:
        await cancelled(client, way, lambda: upstream.received(1))
        requests, unconfirmed, held, pico = await booked(client)
        assert (requests, unconfirmed, held, pico > 0) == (1, 1, 0, True)


@pytest.mark.parametrize("way", ["complete", "stream"])
@pytest.mark.parametrize("bound", ["timeout", "first_token"])
async def test_a_timeout_after_the_body_was_sent_stays_at_the_worst_case(way: str, bound: str) -> None:
    async with (
        hung() as upstream,
        client_of(Vendor(upstream.base_url + "/v1"), max_attempts=1, **bounded(bound, 1.0)) as client,
    ):
        with pytest.raises(ShunpikeError):
            await ask(client, way)
        assert len(upstream.requests) == 1
        requests, unconfirmed, held, pico = await booked(client)
        assert (requests, unconfirmed, held, pico > 0) == (1, 1, 0, True)


async def test_an_earlier_attempt_that_never_left_does_not_speak_for_a_later_one(silent: Silent) -> None:
    """Two requests of one client, in one task: the first is given back, the second was sent."""
    async with hung() as upstream:
        vendor = Vendor(silent.base_url)
        other = Vendor(upstream.base_url + "/v1")
        other.name, other.order = "other", 1
        other.models = (other.model("m"),)
        async with client_of(vendor, other, timeout=2.0, attempt_share=0.15) as client:
            with pytest.raises(Exhausted):
                await client.complete("hi")
            assert len(upstream.requests) == 1
            rows = {row.provider: row for row in await client.usage(0, 2e10) if row.requests}
        assert set(rows) == {"other"}
        assert rows["other"].unconfirmed == 1


class Opaque(httpx.AsyncBaseTransport):
    """A transport of the user's own, which does not tell how far it is."""

    def __init__(self) -> None:
        self.asked = anyio.Event()

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.set()
        await anyio.sleep_forever()
        raise AssertionError


@WAYS
async def test_what_a_transport_of_the_users_own_was_handed_counts_as_sent(way: str) -> None:
    transport = Opaque()
    async with client_of(Vendor("https://api.example.invalid/v1", transport)) as client:
        await cancelled(client, way, transport.asked.wait)
        requests, unconfirmed, held, pico = await booked(client)
        assert (requests, unconfirmed, held, pico > 0) == (1, 1, 0, True)


def raised_in(departure: Departure, error: Exception, *, leaves: bool) -> bool:
    with pytest.raises(type(error)), departure:
        if leaves:
            departure.leaves()
        raise error
    return is_unsent(error)


async def test_a_mark_is_no_longer_true_when_something_left_after_all() -> None:
    begin_attempt()
    shared = OSError("one error for two requests")
    assert raised_in(Departure(), shared, leaves=False)
    assert not raised_in(Departure(), shared, leaves=True)
    first = OSError("of the first of two requests")
    begin_attempt()
    assert raised_in(Departure(), first, leaves=False)
    Departure().leaves()
    assert not is_unsent(first), "an attempt may send again, and then tell of its first failure"
