"""Who may ask: by a client key wherever one is set up, and without one only from this machine."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shunpike.control import MemoryControl
from shunpike.errors import ConfigError, StoreError
from shunpike.types import GatewaySettings, Settings
from shunpike_gateway.failed_logins import MOST, WINDOW, FailedLogins

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package
from .making import CHAT, HELLO, bearer, keep, make

pytestmark = pytest.mark.anyio


async def test_without_keys_this_machine_needs_none(gateway: InProcessGateway) -> None:
    assert (await gateway.post(CHAT, HELLO)).status == 200
    assert (await gateway.post(CHAT, HELLO, bearer("anything"))).status == 200


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
async def test_a_key_is_taken_wherever_clients_put_it(gateway: InProcessGateway, header: str) -> None:
    key, _ = await make(gateway)
    value = f"Bearer {key}" if header == "authorization" else key
    assert (await gateway.post(CHAT, HELLO, {header: value})).status == 200


async def test_with_keys_nothing_else_opens(gateway: InProcessGateway) -> None:
    for headers in [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Basic {key}"},
        {"authorization": "{key}"},
        {"authorization": "Bearer {key}x"},
        {"authorization": "Bearer {shown}"},
        {"authorization": "Bearer {hash}"},
        {"authorization": "Bearer {key}, Bearer {key}"},
        {"authorization": "Bearer ann"},
        {"x-api-key": "Bearer {key}"},
        {"cookie": "key={key}"},
    ]:
        key, made = await make(gateway)
        shown = made.shown.encode().decode("latin-1")
        sent = {name: value.format(key=key, shown=shown, hash=made.sha256) for name, value in headers.items()}
        told = await gateway.post(CHAT, HELLO, sent)
        assert (told.status, told.json()["error"]["code"]) == (401, "invalid_api_key")
        assert told.headers["x-should-retry"] == "false"
        assert told.headers["www-authenticate"] == "Bearer"
        assert key not in told.body.decode()


async def test_the_right_one_of_two_headers_is_enough(gateway: InProcessGateway) -> None:
    key, _ = await make(gateway)
    assert (await gateway.post(CHAT, HELLO, {**bearer("of another service"), "x-api-key": key})).status == 200


async def test_a_revoked_key_opens_nothing_and_the_last_one_opens_no_door_to_all(gateway: InProcessGateway) -> None:
    key, made = await make(gateway)
    assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 200
    await keep(gateway, "ann", made.model_copy(update={"revoked_at": made.created_at}))
    told = await gateway.post(CHAT, HELLO, bearer(key))
    assert (told.status, told.json()["error"]["code"]) == (401, "revoked_api_key")
    assert (await gateway.post(CHAT, HELLO)).status == 401
    await keep(gateway, "ann", None)
    assert (await gateway.post(CHAT, HELLO)).status == 200


async def test_a_key_expires_while_the_gateway_runs(gateway: InProcessGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    now = gateway.client.clock.now()
    key, _ = await make(gateway, expires_at=now + 3600)
    assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 200
    monkeypatch.setattr(gateway.client.clock, "now", lambda: now + 3600)
    told = await gateway.post(CHAT, HELLO, bearer(key))
    assert (told.status, told.json()["error"]["code"]) == (401, "expired_api_key")


async def test_many_wrong_keys_are_told_to_wait_and_a_right_one_is_let_in(gateway: InProcessGateway) -> None:
    key, _ = await make(gateway)
    tries = [await gateway.post(CHAT, HELLO, bearer(f"wrong-{number}")) for number in range(MOST + 1)]
    assert [one.status for one in tries] == [401] * MOST + [429]
    assert 0 < int(tries[-1].headers["retry-after"]) <= WINDOW
    assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 200


async def test_no_key_that_was_sent_is_logged(gateway: InProcessGateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key, _ = await make(gateway)
    await gateway.post(CHAT, HELLO, bearer(key))
    await gateway.post(CHAT, HELLO, bearer("canary-of-a-wrong-key"))
    assert key not in caplog.text
    assert "canary" not in caplog.text


async def test_while_the_store_never_told_nobody_is_let_in(
    gateway: InProcessGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object) -> int:
        raise StoreError("it is down")

    monkeypatch.setattr(MemoryControl, "revision", broken)
    told = await gateway.post(CHAT, HELLO)
    assert (told.status, told.json()["error"]["code"]) == (503, "store_unavailable")


async def test_a_strangers_web_page_spends_nothing_on_this_machine(gateway: InProcessGateway) -> None:
    for headers, status in [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"origin": "http://[broken"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "vscode-webview://abc"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
    ]:
        assert (await gateway.post(CHAT, HELLO, headers)).status == status


def at(settings: Settings, host: str, **more: Any) -> InProcessGateway:
    made = GatewaySettings(host=host, port=0, hosts=("*",), **more)
    return InProcessGateway(settings.model_copy(update={"gateway": made}))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
async def test_this_machines_own_addresses_need_no_key(settings: Settings, host: str) -> None:
    async with at(settings, host) as gateway:
        await gateway.surface.doorkeeper.check_bind()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "gateway.example", "localhost.example"])  # noqa: S104
async def test_any_other_address_needs_one_that_opens(settings: Settings, host: str) -> None:
    async with at(settings, host) as gateway:
        with pytest.raises(ConfigError, match="can be reached by others"):
            await gateway.surface.doorkeeper.check_bind()
        _, made = await make(gateway)
        await gateway.surface.doorkeeper.check_bind()
        await keep(gateway, "ann", made.model_copy(update={"revoked_at": 1.0}))
        with pytest.raises(ConfigError, match="no client key"):
            await gateway.surface.doorkeeper.check_bind()


async def test_where_others_can_ask_the_last_key_that_goes_opens_nothing(settings: Settings) -> None:
    async with at(settings, "0.0.0.0") as gateway:  # noqa: S104
        await make(gateway)
        await keep(gateway, "ann", None)
        assert (await gateway.post(CHAT, HELLO)).status == 401


def test_failures_are_forgotten_after_a_while_and_are_each_addresss_own() -> None:
    failed = FailedLogins()
    for second in range(MOST):
        assert failed.wait("a", float(second)) == 0
        failed.failed("a", float(second))
    assert failed.wait("a", MOST) == WINDOW - MOST
    assert failed.wait("b", MOST) == 0
    assert failed.wait("a", WINDOW) == 0
    for number in range(10_000):
        failed.failed(f"n{number}", 0.0)
    assert failed.wait("a", MOST) == 0
