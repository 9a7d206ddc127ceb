"""What a proxy answers itself is told apart from what it passed on, as far as its answer tells."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from shunpike.errors import Overloaded
from shunpike.types import Timeouts
from shunpike.wire import Http, Network
from shunpike_testkit.upstream import Upstream, reply

from .relay import Relay

Tls = Callable[..., ssl.SSLContext]


async def test_what_the_proxy_itself_refuses_of_a_plain_request_is_no_answer_of_the_provider() -> None:
    async with Relay(1, login="a:b") as relay:
        http = Http(
            "http://models.internal/v1",
            {},
            provider="acme",
            network=Network(proxy=relay.address),
        )
        with pytest.raises(Overloaded, match=r"the proxy http://127\.0\.0\.1:\d+ \(the setting proxy\)") as caught:
            await http.post("/x", {}, Timeouts())
        await http.aclose()
    assert caught.value.billed is False
    assert caught.value.hint
    assert "user:password" in caught.value.hint


REFUSED = [
    ("502 Bad Gateway", "X-Squid-Error: ERR_CONNECT_FAIL 111", False),
    ("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0", False),
    ("504 Gateway Timeout", "X-Squid-Error: ERR_READ_TIMEOUT 0", None),
    ("502 Bad Gateway", "Proxy-Status: cdn.example, squid.example; error=connection_refused; details=x", False),
    ("504 Gateway Timeout", 'Proxy-Status: squid.example; error="connection_read_timeout"', None),
]


async def asked_through(relay: Relay, base_url: str = "http://models.internal/v1") -> int:
    http = Http(base_url, {}, provider="acme", network=Network(proxy=relay.address))
    try:
        return (await http.post("/x", {}, Timeouts())).status
    finally:
        await http.aclose()


@pytest.mark.parametrize(("status", "row", "billed"), REFUSED)
async def test_an_answer_that_the_proxy_says_it_made_is_the_proxys_and_not_the_providers(
    status: str, row: str, billed: bool | None
) -> None:
    async with Relay(1, status=f"{status}\r\n{row}") as relay:
        said = rf"the proxy http://127\.0\.0\.1:\d+ \(the setting proxy\) .* {status[:3]}, {row[:13]}"
        with pytest.raises(Overloaded, match=said) as caught:
            await asked_through(relay)
    assert (caught.value.billed, caught.value.kind) == (billed, "connection")
    assert caught.value.hint
    assert "proxy" in caught.value.hint


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
async def test_a_page_in_the_place_of_an_answer_may_be_the_proxys(status: str) -> None:
    async with Relay(1, status=f"{status}\r\nContent-Type: text/html; charset=utf-8") as relay:
        with pytest.raises(Overloaded, match=r"the proxy http://127.* or from what is behind it") as caught:
            await asked_through(relay)
    assert (caught.value.billed, caught.value.status) == (None, int(status[:3]))


@pytest.mark.parametrize("row", ["Content-Type: application/json", "Via: 1.1 squid", "Proxy-Status: squid.example"])
async def test_what_the_proxy_only_passed_on_is_the_providers(row: str) -> None:
    async with Relay(1, status=f"502 Bad Gateway\r\n{row}") as relay:
        assert await asked_through(relay) == 502


async def test_what_comes_through_a_tunnel_is_never_the_proxys(
    tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    squid = {"x-squid-error": "ERR_CONNECT_FAIL 111"}
    upstream = Upstream(tls=tls()).on("/v1/x", reply("<html>", status=502, headers=squid, content_type="text/html"))
    async with upstream, Relay(upstream.port) as relay:
        monkeypatch.setenv("SSL_CERT_FILE", ca_file)
        assert await asked_through(relay, "https://provider.test/v1") == 502
