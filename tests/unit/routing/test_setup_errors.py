"""What is wrong with the set-up shows before anything is held: it is named, and the other providers are asked."""

from __future__ import annotations

import errno
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import ConfigError, Exhausted, ShunpikeError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Billing, Cause, ChatRequest, Price, ProviderSettings, Settings
from shunpike.wire import ChatBackend
from shunpike.wire import certificates as trust
from shunpike_openai import plugin as openai
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

BUDGET = {"amount": {"pico": 10**12}, "period": "day"}
KEY = "sk-secret-0123456789"
HTTPS = "https://api.example.invalid/v1"


class Vendor(ScriptedProvider):
    """A paid provider over the wire's own backend, with settings that may be wrong."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(name, billing=Billing.CARD, price=Price.per_million("1", "2"))
        self.models = tuple(self.model(f"m{number}") for number in range(3))
        self.settings = ProviderSettings.model_validate({"key": SecretStr(KEY), "base_url": HTTPS, **settings})

    @override
    @hookimpl
    def shunpike_completion(self, provider: str) -> Backend | None:
        return ChatBackend(self.shunpike_providers()[0], self.settings) if provider == self.name else None


def paid(name: str) -> ScriptedProvider:
    return ScriptedProvider(name, answer("here"), billing=Billing.CARD, price=Price.per_million("1", "2"))


def client_of(*providers: ScriptedProvider, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", "allow_paid": True, "budgets": [BUDGET], **settings})
    return Client(made, host=host, clock=VirtualClock(), environ={})


async def refused(client: Client, *, streamed: bool = False) -> ShunpikeError:
    with pytest.raises(ShunpikeError) as raised:
        if streamed:
            async with client.stream("hi"):
                pass
        else:
            await client.complete("hi")
    assert not await client.usage(0, 2e10), "nothing was ever held"
    assert all(left.used == 0 for _, left in await client.limits())
    assert KEY not in repr(raised.value)
    return raised.value


def certificates(tmp_path: Path, case: str) -> tuple[str, str, str]:
    """Return (variable, value, what the message says)."""
    junk, empty = tmp_path / "junk.pem", tmp_path / "empty"
    junk.write_text("no certificate")
    empty.mkdir()
    gone = str(tmp_path / "gone")
    return {
        "missing file": ("SSL_CERT_FILE", gone, "No such file"),
        "folder for a file": ("SSL_CERT_FILE", str(empty), "Is a directory"),
        "no certificate": ("SSL_CERT_FILE", str(junk), "holds no certificate"),
        "missing folder": ("SSL_CERT_DIR", gone, "is no folder"),
        "folder without certificates": ("SSL_CERT_DIR", str(empty), "holds no certificate"),
        "log of keys": ("SSLKEYLOGFILE", str(tmp_path / "gone" / "log"), "can't be written"),
    }[case]


CASES = ("missing file", "folder for a file", "no certificate", "missing folder", "folder without certificates")


@pytest.mark.parametrize("case", [*CASES, "log of keys"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_certificates_that_can_not_be_used_are_named_and_nothing_is_held(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: str, *, streamed: bool
) -> None:
    """It was an unnamed `[Errno 2]`, and the worst case stayed booked at a paid provider that was never reached."""
    variable, value, says = certificates(tmp_path, case)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    async with client_of(Vendor("first"), Vendor("second")) as client:
        error = await refused(client, streamed=streamed)
    assert isinstance(error, ConfigError)
    assert error.hint
    for part in (variable, repr(value), says):
        assert part in error.message
    assert error.message.count(variable) == 1, "said once, not for each provider and model"


async def test_only_what_needs_the_certificates_is_hindered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    async with client_of(Vendor("first"), paid("plain")) as client:
        done = await client.complete("hi")
    assert (done.text, len(done.attempts)) == ("here", 1)
    hindered = [one for one in done.decision.candidates if one.cause is Cause.CONFIG]
    assert {one.provider for one in hindered} == {"first"}
    assert all("SSL_CERT_FILE" in one.reason for one in hindered)


async def test_a_variable_that_is_corrected_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with pytest.raises(ConfigError):
        trust.tls_context()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert isinstance(trust.tls_context(), ssl.SSLContext)


WRONG = {
    "address": {"base_url": "ftp://example.com"},
    "port": {"base_url": "https://example.com:99999/v1"},
    "header": {"headers": {"x-team": "Zoë"}},
    "key": {"key": SecretStr(KEY + "\n")},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_one_provider_that_is_set_up_wrong_keeps_nobody_from_asking_another(wrong: dict[str, Any]) -> None:
    async with client_of(Vendor("first", **wrong), paid("second")) as client:
        done = await client.complete("hi")
        (row,) = await client.usage(0, 2e10)
    assert (done.provider, row.provider, row.requests) == ("second", "second", 1)
    assert KEY not in repr(done)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_a_provider_that_is_set_up_wrong_is_told_as_itself_where_it_is_all_there_is(
    wrong: dict[str, Any],
) -> None:
    async with client_of(Vendor("first", **wrong)) as client:
        assert isinstance(await refused(client), ConfigError)


async def test_two_different_mistakes_are_both_listed() -> None:
    first, second = Vendor("first", base_url="ftp://one"), Vendor("second", headers={"x-team": "Zoë"})
    async with client_of(first, second) as client:
        error = await refused(client)
    assert isinstance(error, Exhausted)
    assert "ftp://one" in error.message
    assert "x-team" in error.message
    assert {one.cause for one in error.decision.candidates} == {Cause.CONFIG}


async def test_a_machine_without_files_to_open_blames_no_provider_and_holds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scarce() -> ssl.SSLContext:
        raise OSError(errno.EMFILE, "Too many open files")

    trust._context.cache_clear()
    monkeypatch.setattr(httpx, "create_ssl_context", scarce)
    try:
        async with client_of(Vendor("first")) as client:
            error = await refused(client)
    finally:
        trust._context.cache_clear()
    assert "Too many open files" in error.message


@pytest.mark.parametrize("model", ["auto", "own/m1"])
async def test_an_endpoint_of_ones_own_that_is_set_up_wrong_is_told_as_itself(
    monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    async with own_beside() as client:
        with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
            await client.complete(ChatRequest(model=model, messages=[{"role": "user", "content": "hi"}]))


async def test_an_endpoint_of_ones_own_that_is_set_up_wrong_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its list of models was asked for in a group of tasks, which nobody looked into."""
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    async with own_beside(paid("second")) as client:
        done = await client.complete("hi")
        await client.discover()
    assert done.provider == "second"
    assert any("SSL_CERT_FILE" in one.reason and one.provider == "own" for one in done.decision.candidates)


def own_beside(*others: ScriptedProvider) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(openai, "openai")
    for one in others:
        host.register(one, one.name)
    section = {"plugin": "openai", "base_url": "https://own.example.invalid/v1", "price": "free"}
    made = {"store": "memory:", "providers": {"own": section}, "allow_paid": True, "budgets": [BUDGET]}
    settings = Settings.model_validate(made)
    return Client(settings, host=host, clock=VirtualClock(), environ={})
