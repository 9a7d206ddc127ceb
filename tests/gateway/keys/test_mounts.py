"""Plugins add applications of their own to the gateway, behind all that guards it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import MountedApp
from shunpike.types import Settings
from shunpike_gateway.routes import ANY_METHOD

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package
from .making import ADMIN, bearer, make

pytestmark = pytest.mark.anyio


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the scope says."""
    body = (await receive())["body"]
    said = f"{scope['method']} {scope['root_path']} {scope['path']} {scope['shunpike.caller']} {body.decode()}"
    await send({"type": "http.response.start", "status": 202, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": said.encode()})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("canary")


class Mounting:
    """A plugin that mounts what a test gives it."""

    def __init__(self, *apps: Any) -> None:
        self.apps = apps
        self.client: Any = None

    @hookimpl
    def shunpike_routes(self, client: Any) -> Sequence[Any]:
        """Mount them."""
        self.client = client
        return self.apps


def mounting(settings: Settings, *apps: Any, **options: Any) -> tuple[InProcessGateway, Mounting]:
    plugin, host = Mounting(*apps), Host.load()
    host.register(plugin, "mounting")
    return InProcessGateway(settings, host=host, **options), plugin


async def test_an_application_answers_all_below_its_prefix_with_any_method(settings: Settings) -> None:
    gateway, plugin = mounting(settings, MountedApp("/board", echo, access="open"))
    async with gateway:
        assert isinstance(plugin.client, Client)
        for path in ("/board", "/board/", "/board/a/b"):
            told = await gateway.get(path)
            assert (told.status, told.headers["x-own"]) == (202, "1")
            assert told.body.decode() == f"GET /board {path} None "
        told = await gateway.call("PURGE", "/board/x", b"hello").whole()
        assert told.body.decode() == "PURGE /board /board/x None hello"
        assert (await gateway.get("/boarding")).status == 404
        assert (await gateway.get("/board", {"host": "evil.example"})).status != 202
        assert (await gateway.get("/board", {"origin": "https://evil.example"})).status == 403


async def test_who_may_ask_is_told_to_the_application(settings: Settings) -> None:
    apps = MountedApp("/mine", echo, access="client"), MountedApp("/board", echo)
    gateway, _ = mounting(settings, *apps, environ={"SHUNPIKE_ADMIN_KEY": ADMIN})
    async with gateway:
        key, _ = await make(gateway)
        assert [(await gateway.get(path)).status for path in ("/mine", "/board")] == [401, 401]
        assert "ann" in (await gateway.get("/mine", bearer(key))).body.decode()
        assert (await gateway.get("/board", bearer(key))).status == 403
        assert "operator" in (await gateway.get("/board", bearer(ADMIN))).body.decode()


async def test_one_that_fails_ends_its_request_and_no_other(settings: Settings) -> None:
    gateway, _ = mounting(settings, MountedApp("/board", broken, access="open"))
    async with gateway:
        told = await gateway.get("/board")
        assert told.status == 500
        assert "canary" not in told.body.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        "no app",
        MountedApp("/v1/chat", echo),
        MountedApp("/admin", echo),
        MountedApp("board", echo),
        MountedApp("/", echo),
        MountedApp("/a/../v1", echo),
        MountedApp("/board", echo),
    ],
)
async def test_what_can_not_be_mounted_is_told_and_left_out(
    settings: Settings, wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, _ = mounting(settings, MountedApp("/board", echo, access="open"), wrong)
    async with gateway:
        assert caplog.text.count("the plugin mounting failed in shunpike_routes") == 1
        routes = gateway.surface.routes.routes
        assert {(one.path, one.access) for one in routes if one.method == ANY_METHOD} == {
            ("/board", "open"),
            ("/board/*", "open"),
        }
