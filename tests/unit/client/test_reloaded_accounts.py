"""What a running client does where its keys change: each request keeps the snapshot that it began with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import AuthError, Exhausted, Overloaded
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Answer, Call, ProviderSettings, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

OLD, NEW = "key-0123456789-old", "key-0123456789-new"


class Keyed:
    """A backend that says which key it was made with, once it may."""

    def __init__(self, provider: Acme, key: str) -> None:
        self.provider = provider
        self.key = key
        self.closed = False

    async def complete(self, call: Call) -> Answer:
        assert not self.closed
        self.provider.asked.set()
        await self.provider.may_answer.wait()
        assert not self.closed, "it was closed while it was answering"
        if self.key in self.provider.rejected:
            raise AuthError("the key was rejected", provider=self.provider.name, status=401)
        if self.provider.is_down:
            raise Overloaded("it is down", provider=self.provider.name, status=503)
        return answer(self.key)

    async def aclose(self) -> None:
        self.closed = True


class Acme(ScriptedProvider):
    """A provider with keys."""

    def __init__(self, name: str = "acme") -> None:
        super().__init__(name)
        self.env_key = f"{name.upper()}_API_KEY"
        self.made: list[Keyed] = []
        self.rejected: set[str] = set()
        self.is_down = False
        self.asked = anyio.Event()
        self.may_answer = anyio.Event()
        self.may_answer.set()

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        if provider != self.name or settings.key is None:
            return None
        self.made.append(Keyed(self, settings.key.get_secret_value()))
        return self.made[-1]


def client_of(*providers: Acme, environ: Mapping[str, str]) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    return Client(Settings(store="memory:"), host=host, clock=VirtualClock(), environ=environ)


async def test_a_key_that_was_refused_is_asked_at_once_after_the_accounts_were_looked_at_again() -> None:
    acme = Acme()
    acme.rejected.add(OLD)
    async with client_of(acme, environ={"ACME_API_KEY": OLD}) as client:
        with pytest.raises(Exhausted, match="the key was rejected"):
            await client.complete("hello")
        acme.rejected.clear()  # its owner has mended it on the provider's page
        with pytest.raises(Exhausted, match="the key was rejected"):
            await client.complete("hello")
        client.reload_accounts()
        assert (await client.complete("hello")).text == OLD


async def test_a_former_key_that_was_refused_is_asked_at_once_when_it_comes_back() -> None:
    acme, environ = Acme(), {"ACME_API_KEY": OLD}
    acme.rejected.add(OLD)
    async with client_of(acme, environ=environ) as client:
        with pytest.raises(Exhausted):
            await client.complete("hello")
        environ["ACME_API_KEY"] = NEW
        assert (await client.complete("hello")).text == NEW
        acme.rejected = {NEW}
        with pytest.raises(Exhausted):
            await client.complete("hello")
        environ["ACME_API_KEY"] = OLD
        acme.rejected.clear()
        assert (await client.complete("hello")).text == OLD


async def test_the_backend_of_a_former_key_is_closed_when_its_last_request_has_ended() -> None:
    acme, environ = Acme(), {"ACME_API_KEY": OLD}
    acme.may_answer = anyio.Event()
    texts: list[str] = []
    async with client_of(acme, environ=environ) as client:

        async def ask() -> None:
            texts.append((await client.complete("hello")).text)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await acme.asked.wait()
            environ["ACME_API_KEY"] = NEW
            client.reload_accounts()
            acme.may_answer.set()
        assert [one.closed for one in acme.made] == [True]
        await ask()
        assert [one.closed for one in acme.made] == [True, False]
    assert texts == [OLD, NEW]
    assert [one.closed for one in acme.made] == [True, True]


async def test_a_request_falls_over_to_the_accounts_that_it_began_with() -> None:
    first, second = Acme("first"), Acme("second")
    first.may_answer, first.is_down = anyio.Event(), True
    environ = {"FIRST_API_KEY": OLD, "SECOND_API_KEY": OLD}
    texts: list[str] = []
    async with client_of(first, second, environ=environ) as client:

        async def ask() -> None:
            texts.append((await client.complete("hello")).text)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await first.asked.wait()
            environ["SECOND_API_KEY"] = NEW
            client.reload_accounts()
            first.may_answer.set()
        await ask()
        assert [one.closed for one in second.made] == [True, False]
    assert texts == [OLD, NEW]


async def test_a_stream_keeps_its_backend_until_it_is_closed() -> None:
    acme, environ = Acme(), {"ACME_API_KEY": OLD}
    async with client_of(acme, environ=environ) as client:
        async with client.stream("hello") as stream:
            environ["ACME_API_KEY"] = NEW
            client.reload_accounts()
            assert (await client.complete("hello")).text == NEW
            assert [one.closed for one in acme.made] == [False, False]
            assert "".join([str(one) async for one in stream]) == OLD
        assert [one.closed for one in acme.made] == [True, False]


async def test_what_did_not_change_keeps_its_backend() -> None:
    acme = Acme()
    async with client_of(acme, environ={"ACME_API_KEY": OLD}) as client:
        await client.complete("hello")
        client.reload_accounts()
        await client.complete("hello")
        assert [one.closed for one in acme.made] == [False]


def test_accounts_are_looked_at_again_in_every_event_loop() -> None:
    acme, environ = Acme(), {"ACME_API_KEY": OLD}
    client = client_of(acme, environ=environ)
    asked, reloaded = threading.Event(), threading.Event()
    texts: list[str] = []

    async def here() -> None:
        texts.append((await client.complete("hello")).text)
        asked.set()
        await asyncio.to_thread(reloaded.wait, 30)
        texts.append((await client.complete("hello")).text)

    async def there() -> None:
        environ["ACME_API_KEY"] = NEW
        client.reload_accounts()

    thread = threading.Thread(target=asyncio.run, args=(here(),))
    thread.start()
    asked.wait(30)
    asyncio.run(there())
    reloaded.set()
    thread.join(30)
    asyncio.run(client.aclose())
    assert texts == [OLD, NEW]
    assert all(one.closed for one in acme.made)
