"""What requests begin with is what is in force now: no change is lost, and none is undone by one that came before."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import date

import anyio.from_thread
import anyio.to_thread
import pytest
from typing_extensions import override

from shunpike.client import Client
from shunpike.config import KeyStore
from shunpike.errors import AuthError, ConfigWarning, Exhausted, UnknownModel
from shunpike.hookspecs import hookimpl
from shunpike.storage.database import SEEN_WITHIN
from shunpike.types import ModelInfo
from shunpike.types.control import Change, ControlSetting, Signature, Subject
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient

pytestmark = pytest.mark.anyio
KEY, DAMAGED = "key-0123456789-old", 'acme = "key-0123'
ONE_ATTEMPT = Change(subject=Subject.EVERYTHING, setting=ControlSetting.MAX_ATTEMPTS, value=1)


async def changed(client: Client, *changes: Change) -> None:
    """Make changes, and let the time pass after which any process has seen them."""
    control = client.runtime.control
    assert control is not None
    await control.change(changes, Signature(at=START, who="ann"))
    await client.clock.sleep(SEEN_WITHIN)


def keyed(*script: object) -> ScriptedProvider:
    """Return a provider whose key is in the store."""
    KeyStore().set("acme", KEY)
    acme = ScriptedProvider("acme", *script)  # type: ignore[arg-type]
    acme.env_key = "ACME_API_KEY"
    return acme


async def test_a_change_that_comes_while_the_keys_can_not_be_read_holds_as_soon_as_they_can(
    make_client: MakeClient,
) -> None:
    async with make_client(keyed(answer("welcome"))) as client:
        keys = KeyStore().path
        stored = keys.read_text()
        keys.write_text(DAMAGED)
        await changed(client, ONE_ATTEMPT)
        with pytest.warns(ConfigWarning, match="not valid TOML"):
            await client.complete("hi")
        assert client.runtime.snapshot.controls.revision == 0, "it says what it works on"
        keys.write_text(stored)
        await client.complete("hi")
        assert client.runtime.snapshot.settings.max_attempts == 1
        assert client.runtime.snapshot.controls.revision == 1


async def test_a_change_that_is_obeyed_while_another_thread_looks_at_the_accounts_is_not_undone_by_it(
    make_client: MakeClient,
) -> None:
    class Slow(ScriptedProvider):
        """A provider whose catalog takes its time where another thread asks for it."""

        @override
        @hookimpl
        def shunpike_models(self, provider: str) -> Sequence[ModelInfo] | None:
            if threading.get_ident() != here and not client.runtime.snapshot.controls.revision:
                anyio.from_thread.run(meanwhile)
            return super().shunpike_models(provider)

    async def meanwhile() -> None:
        await changed(client, ONE_ATTEMPT)
        await client.complete("hi")
        assert client.runtime.snapshot.settings.max_attempts == 1

    here = threading.get_ident()
    async with make_client(Slow("acme")) as client:
        await anyio.to_thread.run_sync(client.reload_accounts)
        assert client.runtime.snapshot.controls.revision == 1
        assert client.runtime.snapshot.settings.max_attempts == 1


async def test_accounts_that_are_looked_at_again_while_a_request_begins_are_not_forgotten(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = AuthError("no", provider="acme", status=401)
    async with make_client(keyed(refused, refused, answer("welcome"))) as client:
        renew = client.runtime.health.renew

        def then_another(accounts: Collection[str]) -> None:
            monkeypatch.undo()
            renew(accounts)
            client.reload_accounts()  # by another thread

        monkeypatch.setattr(client.runtime.health, "renew", then_another)
        with pytest.raises(Exhausted):
            await client.complete("hi")
        client.reload_accounts()
        with pytest.raises(Exhausted):
            await client.complete("hi")
        assert (await client.complete("hi")).text == "welcome"


async def test_keys_that_can_not_be_read_fail_no_request_though_one_was_refused(make_client: MakeClient) -> None:
    acme = keyed(AuthError("no", provider="acme", status=401))
    async with make_client(acme, ScriptedProvider("home", answer("from home"))) as client:
        assert (await client.complete("hi")).text == "from home"
        KeyStore().path.write_text(DAMAGED)
        with pytest.warns(ConfigWarning, match="not valid TOML"):
            assert (await client.complete("hi")).text == "from home"


async def test_a_model_is_retired_when_its_day_comes_while_the_client_runs(make_client: MakeClient) -> None:
    acme = ScriptedProvider("acme", answer("welcome"))
    going = acme.model("m").model_copy(update={"status": "deprecated", "retired_on": date(2026, 11, 22)})
    acme.models = (going, acme.model("n"))
    async with make_client(acme) as client:
        await client.complete("hi", model="acme/m")
        await client.clock.sleep(24 * 3_600)
        with pytest.raises(UnknownModel, match="was retired on 2026-11-22"):
            await client.complete("hi", model="acme/m")
        assert [call.model for call in acme.backend.calls] == ["m"]
