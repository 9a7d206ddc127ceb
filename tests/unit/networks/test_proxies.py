"""Requests go through the proxy that the settings or the variables name, and say so where it lets nothing through."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable

import anyio
import pytest

from shunpike.client import Client
from shunpike.errors import ConfigError, Exhausted, Overloaded, ShunpikeError
from shunpike.types import Timeouts
from shunpike.wire import Http, Network
from shunpike_testkit.upstream import Script, Upstream, reply

from .conftest import BODY, Vendor
from .relay import Relay

Make = Callable[..., Client]
Tls = Callable[..., ssl.SSLContext]
PASSWORD = "pa:ss/w@rd-0123"
LOGIN = "user:pa%3Ass%2Fw%40rd-0123"
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""httpcore 1.0.9 leaves a connection that is given up in a handshake to the garbage collector."""


def answering(upstream: Upstream) -> Upstream:
    return upstream.on("/v1/chat/completions", reply(BODY))


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
async def test_an_https_provider_is_asked_through_the_tunnel_of_the_proxy_that_a_variable_names(
    client_of: Make, tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async with answering(Upstream(tls=tls())) as upstream, Relay(upstream.port) as relay:
        monkeypatch.setenv(variable, relay.address)
        async with client_of(Vendor("acme", "https://provider.test/v1"), ca_file=ca_file) as client:
            assert (await client.complete("hi")).text == "here"
            async with client.stream("hi") as stream:
                assert [str(chunk) async for chunk in stream]
    assert relay.asked == ["CONNECT provider.test:443 HTTP/1.1"], "kept for the second request"
    assert "sk-secret" not in relay.heads[0]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_plain_http_provider_is_asked_through_the_proxy_too(
    client_of: Make, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async with answering(Upstream()) as upstream, Relay(upstream.port) as relay:
        monkeypatch.setenv(variable, relay.address.removeprefix("http://"))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        vendor = Vendor("acme", "http://models.internal:8080/v1")
        async with client_of(vendor) as client:
            assert (await client.complete("hi")).text == "here"
    assert relay.asked == ["POST http://models.internal:8080/v1/chat/completions HTTP/1.1"]


async def test_a_proxy_that_speaks_https_itself_is_known_by_the_same_certificates(
    client_of: Make, tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(Upstream(tls=tls())) as upstream, Relay(upstream.port, tls=tls("127.0.0.1")) as relay:
        monkeypatch.setenv("HTTPS_PROXY", relay.address)
        async with client_of(Vendor("acme", "https://provider.test/v1"), ca_file=ca_file) as client:
            assert (await client.complete("hi")).text == "here"
    assert len(relay.asked) == 1


async def test_the_setting_of_a_section_wins_over_the_variables(
    client_of: Make, tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    async with answering(Upstream(tls=tls())) as upstream, Relay(upstream.port) as relay:
        sections = {"acme": {"proxy": relay.address, "ca_file": ca_file}}
        async with client_of(Vendor("acme", "https://provider.test/v1"), sections=sections) as client:
            assert (await client.complete("hi")).text == "here"
    assert len(relay.asked) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_this_machine_is_never_reached_through_a_proxy(
    client_of: Make, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with answering(Upstream(host)) as upstream:
        sections = {"acme": {"proxy": "http://127.0.0.1:9"}}
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1"), sections=sections) as client:
            assert (await client.complete("hi")).text == "here"


@pytest.mark.parametrize("source", ["variable", "setting"])
async def test_a_login_is_sent_to_the_proxy_and_shown_to_nobody(
    client_of: Make,
    tls: Tls,
    ca_file: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    source: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        answering(Upstream(tls=tls())) as upstream,
        Relay(upstream.port, login=f"user:{PASSWORD}") as relay,
    ):
        address = f"http://{LOGIN}@127.0.0.1:{relay.port}"
        sections = {"acme": {"proxy": address}} if source == "setting" else {}
        if source == "variable":
            monkeypatch.setenv("HTTPS_PROXY", address)
        vendor = Vendor("acme", "https://provider.test/v1")
        async with client_of(vendor, sections=sections, ca_file=ca_file) as client:
            assert (await client.complete("hi")).text == "here"
            (row,) = await client.status()
            shown = repr(
                (row, client.settings, client.runtime.snapshot.backend_of(client.runtime.snapshot.accounts["acme"]))
            )
        async with client_of(vendor, sections={"acme": {"proxy": f"http://{LOGIN}@127.0.0.1:9"}}) as client:
            shown += repr(await refused(client))
    assert PASSWORD not in shown + caplog.text
    assert "pa%3A" not in shown + caplog.text
    assert row.proxy
    assert row.proxy.startswith(f"http://127.0.0.1:{relay.port} (the ")


async def refused(client: Client) -> ShunpikeError:
    """Ask, which must fail without anything being booked or held; return the error with all its causes in words."""
    with pytest.raises(ShunpikeError) as raised:
        await client.complete("hi")
    assert not sum(row.cost.pico for row in await client.usage(0, 2e10))
    assert not [left for _, left in await client.limits() if left.used], "everything that was held is given back"
    return raised.value


@pytest.mark.parametrize(
    ("options", "says", "hint"),
    [
        (
            {"status": "502 Bad Gateway"},
            "not connect to https://provider.test/v1/chat/completions: 502",
            "NO_PROXY",
        ),
        ({"login": "a:b"}, "407", "user:password@host"),
        ({"status": "403 Forbidden"}, "403 Forbidden", "NO_PROXY"),
        ({"hangs_up": True}, "through the proxy", None),
    ],
)
async def test_a_proxy_that_lets_nothing_through_is_named_and_nothing_is_booked(
    client_of: Make, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], says: str, hint: str | None
) -> None:
    async with Relay(1, **options) as relay:  # type: ignore[arg-type]  # the table is of mixed types
        monkeypatch.setenv("HTTPS_PROXY", relay.address)
        async with client_of(Vendor("acme", "https://provider.test/v1"), timeout=5, wait=False) as client:
            error = await refused(client)
    assert isinstance(error, Exhausted)
    told = error.message + repr(error.decision)
    assert says in told
    assert f"proxy {relay.address} (the variable HTTPS_PROXY)" in told


async def test_a_proxy_that_is_not_there_is_named(client_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret-0123@127.0.0.1:9")
    async with client_of(Vendor("acme", "https://provider.test/v1"), timeout=5, wait=False) as client:
        error = await refused(client)
    told = error.message + repr(getattr(error, "decision", ""))
    assert "through the proxy http://127.0.0.1:9 (the variable HTTPS_PROXY)" in told
    assert "secret-0123" not in told


async def test_a_proxy_that_says_nothing_costs_nothing(client_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Relay(1, silent=True) as relay:
        monkeypatch.setenv("HTTPS_PROXY", relay.address)
        sections = {"acme": {"timeouts": {"first_token": 0.2}}}
        vendor = Vendor("acme", "https://provider.test/v1")
        async with client_of(vendor, sections=sections, timeout=0.5, wait=False) as client:
            error = await refused(client)
    assert f"proxy {relay.address}" in error.message + repr(getattr(error, "decision", ""))


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_silent_has_the_time_for_connecting_and_no_more(scheme: str) -> None:
    async with Relay(1, silent=True) as relay:
        address = relay.address.replace("http", scheme)
        http = Http("https://provider.test/v1", {}, provider="acme", network=Network(proxy=address))
        with anyio.fail_after(10):
            with pytest.raises(Overloaded, match=r"within 0\.3 s, timeouts\.connect") as caught:
                await http.post("/x", {}, Timeouts(connect=0.3, first_token=60, total=60))
        await http.aclose()
    assert caught.value.billed is False
    assert f"the proxy {address}" in caught.value.message


async def test_a_provider_behind_a_proxy_has_more_time_than_connecting(
    tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    answer = reply({}).steps[0]
    for secure in (False, True):
        waited = anyio.Event()
        upstream = Upstream(tls=tls() if secure else None).on("/v1/x", Script([waited, answer]))
        async with upstream, Relay(upstream.port) as relay, anyio.create_task_group() as tasks:
            base_url = f"http{'s' if secure else ''}://provider.test/v1"
            http = Http(base_url, {}, provider="acme", network=Network(proxy=relay.address))

            async def late(upstream: Upstream = upstream, waited: anyio.Event = waited) -> None:
                await upstream.received(1)
                await anyio.sleep(1.2)
                waited.set()

            tasks.start_soon(late)
            assert (await http.post("/x", {}, Timeouts(connect=1.0))).status == 200
            await http.aclose()


BAD = ["http://user:s3cret-word@[::1", "ftp://user:s3cret-word@host", "http://", "user:s3cret-word", "http://h/path"]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("source", ["variable", "setting"])
async def test_a_proxy_that_can_not_be_one_is_told_by_its_variable_before_anything_is_sent(
    client_of: Make, monkeypatch: pytest.MonkeyPatch, value: str, source: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value if source == "variable" else "")
    sections = {"acme": {"proxy": value}} if source == "setting" else {}
    async with client_of(Vendor("acme", "https://provider.test/v1"), sections=sections) as client:
        error = await refused(client)
    assert isinstance(error, ConfigError)
    assert ("HTTPS_PROXY" if source == "variable" else "the setting proxy") in error.message
    assert "s3cret-word" not in f"{error} {error.hint}"


async def test_socks_without_its_package_says_what_to_install(client_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("ALL_PROXY", "socks5h://user:s3cret-word@127.0.0.1:1080")
    async with client_of(Vendor("acme", "https://provider.test/v1")) as client:
        error = await refused(client)
    assert isinstance(error, ConfigError)
    assert "ALL_PROXY names a socks5h proxy" in error.message
    assert error.hint is not None
    assert error.hint.endswith('/core[socks]"')


async def test_socks_with_its_package_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    greeted = anyio.Event()

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            assert (await stream.receive(1)) == b"\x05"
            greeted.set()

    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no SQL near
    http = Http("https://provider.test", {}, provider="acme", network=Network(proxy=f"socks5://127.0.0.1:{port}"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        with pytest.raises(Overloaded, match="proxy socks5://127"):
            await http.post("/x", {}, Timeouts())
        tasks.cancel_scope.cancel()
    await http.aclose()
    await listener.aclose()
    assert greeted.is_set()
