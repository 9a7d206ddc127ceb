"""A plugin that raises, hangs or gives nonsense where it is asked something that uses no quota."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import AuthError, Exhausted, Overloaded, PluginError, StoreError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import ProviderSettings, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

KEY = "key-0123456789-secretsecret"
SECTION = {"plugin": "odd", "base_url": "http://127.0.0.1:9/v1", "price": "free", "key": KEY}
Query = Callable[[], Awaitable[Any]]


class Odd(ScriptedProvider):
    """A provider whose backend and probe have one query that is as the test wants it."""

    def __init__(self, query: str, ask: Query) -> None:
        super().__init__("odd", answer("from odd"))
        if query != "check":
            vars(self.backend)[query] = ask
        self.check = ask

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        return self.backend if provider == self.name else None

    @hookimpl
    def shunpike_health(self, provider: str) -> Odd | None:
        return self if provider == self.name else None

    async def aclose(self) -> None:
        pass


def client_of(*providers: ScriptedProvider, own: bool = True) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    sections = {"local": SECTION, "odd": {"enabled": False}} if own else {}
    made = Settings.model_validate({"store": "memory:", "providers": sections})
    return Client(made, host=host, clock=VirtualClock(), environ={})


def raising(error: BaseException) -> Query:
    async def ask(*_: object) -> Any:
        raise error

    return ask


def giving(found: object) -> Query:
    async def ask(*_: object) -> object:
        return found

    return ask


@pytest.mark.parametrize("error", [KeyError("data"), OSError("x"), TimeoutError("timed out"), SystemExit(3)])
async def test_a_custom_endpoint_whose_list_goes_wrong_in_any_way_stops_no_other(error: BaseException) -> None:
    odd = Odd("list_models", raising(error))
    async with client_of(ScriptedProvider("acme", answer("from acme")), odd) as client:
        done = await client.complete("hi")
        await client.discover()
    assert done.text == "from acme"


@pytest.mark.parametrize("found", [None, [None], 3])
async def test_a_list_that_is_none_stops_no_other(found: object) -> None:
    for query in ("list_models", "describe_models"):
        odd = Odd(query, giving(found))
        async with client_of(ScriptedProvider("acme", answer("from acme")), odd) as client:
            assert (await client.complete("hi")).text == "from acme"
            (told,) = await client.live_models("local")
        assert "plugin 'odd'" in str(told.problem)


@pytest.mark.parametrize("model", ["auto", "local/m"])
async def test_a_client_that_is_closed_before_an_endpoint_is_asked_says_so_bare(
    monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    client = client_of(Odd("list_models", giving(["m"])))
    discover = client.runtime.endpoints.discover

    async def late(*given: Any) -> None:
        await client.aclose()
        await discover(*given)

    monkeypatch.setattr(client.runtime.endpoints, "discover", late)
    with pytest.raises(StoreError, match="the ledger is closed"):
        await client.complete("hi", model=model)


async def test_a_list_that_goes_wrong_names_its_plugin_and_is_not_asked_for_at_once_again() -> None:
    asked = 0

    async def ask() -> list[str]:
        nonlocal asked
        asked += 1
        raise KeyError("data")

    async with client_of(Odd("list_models", ask)) as client:
        for _ in range(2):
            with pytest.raises(PluginError, match="plugin 'odd': its list of models raised KeyError"):
                await client.complete("hi")
    assert asked == 1


async def test_a_key_in_the_words_of_an_endpoint_is_masked_in_the_decision() -> None:
    """They were set after the error was made, which masks what it is made with."""
    error = AuthError("x", provider="local", status=401)
    error.args = (f"bad key {KEY}",)
    async with client_of(Odd("list_models", raising(error))) as client:
        with pytest.raises(Exhausted) as raised:
            await client.complete("hi")
    reasons = {one.provider: one.reason for one in raised.value.decision.candidates}
    assert reasons["local"] == "no models: auth: bad key ***"


async def test_a_timeout_of_a_plugins_own_is_told_in_the_place_of_what_was_asked() -> None:
    late = raising(TimeoutError("timed out"))
    async with client_of(Odd("list_models", late), own=False) as client:
        (listed,) = await client.live_models("odd")
    async with client_of(Odd("balance", late), own=False) as client:
        (balance,) = await client.balances("odd")
    assert (listed.kind, balance.kind) == ("timeout", "timeout")
    assert listed.problem == "timeout: its list of models: no answer in time"
    async with client_of(Odd("check", late), own=False) as client:
        with pytest.raises(Overloaded, match="its health probe: no answer in time"):
            await client.probe("odd")


async def test_a_count_ends_with_the_time_that_it_was_given() -> None:
    async with client_of(Odd("count_tokens", raising(AssertionError())), own=False) as client:
        clock = client.runtime.clock

        async def ask(*_: object) -> int:
            await clock.sleep(4.0)
            return 5

        backend: Any = client.runtime.snapshot.backend(client.runtime.targets.targets[0])
        vars(backend)["count_tokens"] = ask
        began = clock.monotonic()
        with pytest.raises(Overloaded, match=r"counting: no answer within 0\.5 s"):
            await client.count_tokens("hi", timeout=0.5)
        assert clock.monotonic() - began == pytest.approx(0.5)
        assert (await client.count_tokens("hi", timeout=5)).tokens == 5
