"""What stands before a request: names of the server, pages, turns."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from shunpike.clock import SystemClock
from shunpike.types import GatewaySettings
from shunpike_gateway.exchange import ApiFailure, Head
from shunpike_gateway.guards import HostCheck, OriginCheck, RequestQueue
from shunpike_gateway.surface import patience_of

from ..running import InProcessGateway, RunningGateway  # noqa: TID252 - the tests are no package

STRANGE_HOSTS = [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "2130706433",
    "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::1", "::1", "localhost:", "localhost:99999999",
    "localhost/x", "localhost\\x", "localhost ", " localhost", "local\thost", "localhost,evil.example", "",
    "localhost#", "localhost?", "lоcalhost", "169.254.169.254", "metadata.google.internal", "0.0.0.0", "[::]",  # noqa: S104
    "*", "127.0.0.1:80:80", "user:pass@localhost",
]  # fmt: skip


@pytest.mark.parametrize("host", STRANGE_HOSTS)
def test_a_strange_host_is_rejected(host: str) -> None:
    with pytest.raises(ApiFailure) as raised:
        HostCheck("127.0.0.1", ()).check(host)
    assert raised.value.problem.status in (400, 421)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8484", "127.0.0.1", "127.0.0.1:1", "[::1]:8484", "localhost."]
)
def test_this_machine_may_be_called_by_its_names(host: str) -> None:
    HostCheck("127.0.0.1", ()).check(host)


def test_names_are_those_of_the_settings() -> None:
    HostCheck("127.0.0.1", ["LLM.example"]).check("llm.example:443")
    HostCheck("127.0.0.1", ["*"]).check("anything.example")
    HostCheck("0.0.0.0", ()).check("10.1.2.3:8484")  # noqa: S104
    with pytest.raises(ApiFailure):
        HostCheck("0.0.0.0", ()).check("evil.example")  # noqa: S104
    with pytest.raises(ApiFailure):
        HostCheck("127.0.0.1", ["*"]).check(None)


def page(origin: str | None, method: str = "POST", **more: str) -> Head:
    headers = {"host": "localhost:8484", **{name.replace("_", "-"): value for name, value in more.items()}}
    return Head(method, "/v1/models", {}, headers if origin is None else {**headers, "origin": origin})


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example", "null"])
def test_no_page_of_another_site_may_ask_by_default(origin: str) -> None:
    check = OriginCheck(())
    with pytest.raises(ApiFailure) as raised:
        check.shown_to(page(origin))
    assert raised.value.problem.status == 403
    with pytest.raises(ApiFailure):
        check.preflight(page(origin, "OPTIONS", access_control_request_method="POST"))
    with pytest.raises(ApiFailure):
        check.shown_to(page(None, sec_fetch_site="cross-site"))


def test_what_is_no_page_of_another_site_may_ask() -> None:
    check = OriginCheck(())
    assert check.shown_to(page(None)) == {}
    assert check.shown_to(page("http://localhost:8484")) == {}
    assert check.shown_to(page("http://localhost:3000")) == {}  # a server for developers hands on what a page asks
    with pytest.raises(ApiFailure):  # but the page itself can read nothing
        check.preflight(page("http://localhost:3000", "OPTIONS", access_control_request_method="POST"))
    assert check.shown_to(page("vscode-webview://1a2b")) == {}
    assert check.preflight(page(None, "OPTIONS")) is None


def test_a_preflight_of_a_page_that_may_ask_reflects_what_it_asks_for() -> None:
    check = OriginCheck(["https://app.example/"])
    asked = page(
        "https://app.example",
        "OPTIONS",
        access_control_request_method="POST",
        access_control_request_headers="authorization,x-stainless-os",
    )
    reply = check.preflight(asked)
    assert reply is not None
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "https://app.example"
    assert reply.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert reply.headers["access-control-allow-methods"] == "POST"
    with pytest.raises(ApiFailure):
        check.shown_to(page("https://app.example.evil.example"))


class TestWithOrigins:
    @pytest.fixture
    def gateway_settings(self) -> GatewaySettings:
        return GatewaySettings(origins=("https://app.example",), hosts=("llm.example",))

    async def test_a_page_may_read_answers_and_errors(self, gateway: InProcessGateway) -> None:
        for path in ("/api/hello", "/v1/nothing"):
            answer = await gateway.get(path, {"origin": "https://app.example"})
            assert answer.headers["access-control-allow-origin"] == "https://app.example"
            assert "retry-after" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-origin" not in (await gateway.get("/api/hello")).headers

    async def test_the_host_is_checked_first(self, gateway: InProcessGateway) -> None:
        assert (await gateway.get("/api/hello", {"host": "llm.example"})).status == 200
        wrong = await gateway.get("/api/hello", {"host": "evil.example"})
        assert (wrong.status, wrong.json()["error"]["code"]) == (421, "unknown_host")
        assert "hosts" in wrong.json()["error"]["hint"]


async def test_so_many_run_so_many_wait_and_the_next_is_told_to_come_later() -> None:
    admission = RequestQueue(1, 1, SystemClock())
    order: list[int] = []
    end = asyncio.Event()

    async def one(number: int) -> None:
        async with admission.turn(100):
            order.append(number)
            await end.wait()

    first, second = asyncio.create_task(one(1)), asyncio.create_task(one(2))
    await asyncio.sleep(0)
    with pytest.raises(ApiFailure) as raised:
        async with admission.turn(100):
            pass
    assert raised.value.problem.status == 503
    assert raised.value.problem.retry_after is not None
    assert (order, admission.running, admission.waiting) == ([1], 1, 1)
    end.set()
    await asyncio.gather(first, second)
    assert (order, admission.running, admission.waiting) == ([1, 2], 0, 0)


async def test_what_would_come_too_late_is_not_let_wait() -> None:
    admission = RequestQueue(1, 100, SystemClock())
    async with admission.turn(100):
        with pytest.raises(ApiFailure, match="too late"):
            async with admission.turn(0.5):
                pass
        assert admission.waiting == 0


async def test_whoever_gives_up_waiting_leaves_no_gap() -> None:
    admission = RequestQueue(1, 100, SystemClock())
    end = asyncio.Event()

    async def one() -> None:
        async with admission.turn(100):
            await end.wait()

    tasks = [asyncio.create_task(one()) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[1:19:2]:
        task.cancel()
    tasks[0].cancel()  # its turn is handed on, and in the same moment the next gives up
    await asyncio.sleep(0)
    tasks[2].cancel()
    end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (admission.running, admission.waiting) == (0, 0)


def test_how_long_a_client_waits_is_what_it_says() -> None:
    assert patience_of({}) == float("inf")
    assert patience_of({"x-stainless-read-timeout": "600", "x-stainless-timeout": "12.5"}) == 12.5
    assert patience_of({"x-stainless-timeout": "nan"}) == patience_of({"x-stainless-timeout": "-1"}) == float("inf")


async def test_a_websocket_is_told_to_ask_by_post(gateway: InProcessGateway) -> None:
    answer = await gateway.get("/v1/responses", {"upgrade": "websocket", "connection": "upgrade"})
    assert answer.status == 426
    assert answer.headers["upgrade"]


async def test_a_header_makes_nobody_another_address(running_gateway: RunningGateway) -> None:
    """Failed logins are counted by address: who could name any would never have to wait."""
    peers, admit = [], running_gateway.surface.doorkeeper.admit

    async def noting(head: Head, access: Any) -> Any:
        peers.append(head.peer)
        return await admit(head, access)

    running_gateway.surface.doorkeeper.admit = noting  # type: ignore[method-assign]
    async with httpx.AsyncClient(trust_env=False) as client:
        told = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
        assert (await client.get(f"{running_gateway.base_url}/models", headers=told)).status_code == 200
    assert peers == ["127.0.0.1"]
