"""A key that was refused and then changed is asked at once, by a client that is running."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.config import KeyStore
from shunpike.errors import AuthError, Exhausted
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Answer, Call, ProviderSettings, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

OLD, NEW = "key-0123456789-old", "key-0123456789-new"


class Locked:
    """A backend that knows one key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.closed = False

    async def complete(self, call: Call) -> Answer:
        if self.key != NEW:
            raise AuthError("the key was rejected", provider="acme", status=401)
        return answer("welcome")

    async def aclose(self) -> None:
        self.closed = True


class Acme(ScriptedProvider):
    """A provider with a key."""

    def __init__(self) -> None:
        super().__init__("acme")
        self.env_key = "ACME_API_KEY"
        self.made: list[Locked] = []

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        if provider != self.name or settings.key is None:
            return None
        self.made.append(Locked(settings.key.get_secret_value()))
        return self.made[-1]


def client(acme: Acme, environ: Mapping[str, str]) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(acme, "acme")
    return Client(Settings(store="memory:"), host=host, clock=VirtualClock(), environ=environ)


async def test_a_key_changed_in_the_environment_is_asked_at_once() -> None:
    acme, environ = Acme(), {"ACME_API_KEY": OLD}
    async with client(acme, environ) as opened:
        with pytest.raises(Exhausted, match="the key was rejected"):
            await opened.complete("hello")
        environ["ACME_API_KEY"] = NEW
        assert (await opened.complete("hello")).text == "welcome"
        assert [one.closed for one in acme.made] == [True, False]
    assert [one.closed for one in acme.made] == [True, True]


async def test_a_key_changed_in_the_store_is_asked_at_once() -> None:
    acme, store = Acme(), KeyStore()
    store.set("acme", OLD)
    async with client(acme, {}) as opened:
        with pytest.raises(Exhausted):
            await opened.complete("hello")
        store.set("acme", NEW)
        assert (await opened.complete("hello")).text == "welcome"


async def test_looking_again_at_keys_uses_the_new_one() -> None:
    acme, environ = Acme(), {"ACME_API_KEY": OLD}
    async with client(acme, environ) as opened:
        with pytest.raises(Exhausted):
            await opened.complete("hello")
        environ["ACME_API_KEY"] = NEW
        opened.reload_accounts()
        assert (await opened.complete("hello")).text == "welcome"
