"""What an operator changes while a process runs is obeyed by the requests that begin, and by those that wait."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import pytest

from shunpike.client import Client
from shunpike.control import MemoryControl
from shunpike.errors import ConfigError, ConfigWarning, Exhausted, Overloaded, StoreError
from shunpike.storage.database import SEEN_WITHIN
from shunpike.types import Cause, Held, Limit, Rolling, Unit, Verdict
from shunpike.types.control import Change, ControlSetting, Signature, Subject
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient

pytestmark = pytest.mark.anyio
BY = Signature(at=START, who="ann@north", why="it bills twice")
MINUTE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))


def two() -> tuple[ScriptedProvider, ScriptedProvider]:
    return ScriptedProvider("acme", answer("from acme")), ScriptedProvider("home", answer("from home"))


def switch(name: str, value: bool | None = False, subject: Subject = Subject.PROVIDER) -> Change:
    return Change(subject=subject, name=name, setting=ControlSetting.ENABLED, value=value)


async def changed(client: Client, *changes: Change) -> None:
    """Make changes, and let the time pass after which any process has seen them."""
    control = client.runtime.control
    assert control is not None
    await control.change(changes, BY)
    await client.clock.sleep(SEEN_WITHIN)


async def changed_after(seconds: float, client: Client, *changes: Change) -> None:
    """Make changes when so many seconds have passed."""
    await client.clock.sleep(seconds)
    await changed(client, *changes)


async def test_a_provider_that_was_switched_off_stands_in_the_decision_with_who_did_it(make_client: MakeClient) -> None:
    acme, home = two()
    async with make_client(acme, home) as client:
        assert (await client.complete("hi")).text == "from acme"
        await changed(client, switch("acme"))
        done = await client.complete("hi")
        assert done.text == "from home"
        (gone,) = [one for one in done.decision.candidates if one.provider == "acme"]
        assert (gone.verdict, gone.cause) == (Verdict.DROPPED, Cause.DISABLED)
        assert gone.reason.startswith("disabled by ann@north, 2026-11-2")
        assert gone.reason.endswith("(it bills twice); enable it with: shunpike providers enable acme")
        await changed(client, switch("acme", None))
        assert (await client.complete("hi")).text == "from acme"


async def test_where_all_are_switched_off_each_is_named_with_its_reason(make_client: MakeClient) -> None:
    acme, home = two()
    async with make_client(acme, home) as client:
        await changed(client, switch("acme"), switch("home", subject=Subject.ACCOUNT))
        with pytest.raises(Exhausted, match="shunpike providers enable home") as caught:
            await client.complete("hi")
        assert {one.cause for one in caught.value.decision.candidates} == {Cause.DISABLED}
        with pytest.raises(Exhausted, match="shunpike providers enable"):
            async with client.stream("hi"):
                pass
        assert acme.backend.calls == home.backend.calls == []
        await changed(client, switch("home", None, Subject.ACCOUNT))
        assert (await client.complete("hi")).text == "from home"


async def test_one_model_is_switched_off_and_its_neighbours_are_not(make_client: MakeClient) -> None:
    acme = ScriptedProvider("acme")
    acme.models = (acme.model("large"), acme.model("small"))
    async with make_client(acme) as client:
        await changed(client, switch("acme/large", subject=Subject.MODEL))
        done = await client.complete("hi")
        assert [one.model for one in done.decision.candidates if one.verdict is Verdict.DROPPED] == ["large"]
        assert [call.model for call in acme.backend.calls] == ["small"]


async def test_a_request_that_waits_is_not_sent_to_what_was_switched_off_meanwhile(make_client: MakeClient) -> None:
    """It began before; what it had reserved is given back."""
    acme = ScriptedProvider("acme", limits=(MINUTE,))
    async with make_client(acme) as client:
        await client.complete("hi")

        async def ask() -> None:
            with pytest.raises(Exhausted, match="shunpike providers enable acme"):
                await client.complete("hi", timeout=300)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            group.start_soon(partial(changed, client, switch("acme")))
        assert len(acme.backend.calls) == 1
        (row,) = await client.usage(START - 1, START + 1_000)
        assert (row.requests, row.held) == (1, 0)


async def test_a_request_that_waits_goes_on_to_another_within_a_second_when_what_it_waits_for_is_switched_off(
    make_client: MakeClient, tmp_path: Path
) -> None:
    acme, home = ScriptedProvider("acme", limits=(MINUTE,)), ScriptedProvider("home", limits=(MINUTE,))
    async with make_client(acme, home, store=f"sqlite:{tmp_path / 'ledger.db'}") as client:
        await client.complete("hi")
        await client.clock.sleep(30)
        await client.complete("hi")
        took = list[float]()

        async def ask_acme() -> None:
            with pytest.raises(Exhausted, match="shunpike providers enable acme"):
                await client.complete("hi", timeout=300, providers=["acme"])
            took.append(client.clock.monotonic() - begun)

        begun = client.clock.monotonic()
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask_acme)
            group.start_soon(changed_after, 5.0, client, switch("acme"))
            done = await client.complete("hi", timeout=300)
        assert client.clock.monotonic() - begun == pytest.approx(60, abs=1.5), "home's minute, from 30 s before"
        assert [one.cause for one in done.decision.candidates if one.provider == "acme"] == [Cause.DISABLED]
        assert len(took) == 3
        assert all(5 <= seconds < 6 for seconds in took), "they wait in one line, and all are told"


async def test_a_request_that_waits_for_the_end_of_a_trouble_is_told_as_well(
    make_client: MakeClient, tmp_path: Path
) -> None:
    busy = Overloaded("busy", provider="acme")
    busy.retry_at = START + 100
    acme = ScriptedProvider("acme", busy)
    async with (
        make_client(acme, store=f"sqlite:{tmp_path / 'ledger.db'}") as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(changed_after, 5.0, client, switch("acme"))
        with pytest.raises(Exhausted, match="shunpike providers enable acme"):
            await client.complete("hi", timeout=300)
        assert client.clock.monotonic() < 6


async def test_of_all_that_wait_one_looks_at_the_switches_and_a_look_that_fails_ends_no_wait(
    make_client: MakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = ScriptedProvider("acme", limits=(MINUTE,))
    async with (
        make_client(acme, store=f"sqlite:{tmp_path / 'ledger.db'}") as client,
        anyio.create_task_group() as group,
    ):
        await client.complete("hi")
        looks = list[float]()

        async def revision() -> int:
            looks.append(client.clock.monotonic())
            if 10 < looks[-1] < 50:
                raise StoreError("the ledger is gone for a while")
            return 0

        monkeypatch.setattr(client.runtime.control, "revision", revision)
        for _ in range(20):
            group.start_soon(partial(client.complete, "hi", timeout=2_000))
        await client.clock.sleep(58)
        assert 80 < len(looks) < 140, "twice a second"
        group.cancel_scope.cancel()


async def test_whoever_looks_wakes_those_that_wait_on_a_store_that_only_this_process_changes(
    make_client: MakeClient,
) -> None:
    acme = ScriptedProvider("acme", limits=(MINUTE,))
    async with make_client(acme) as client, anyio.create_task_group() as group:
        await client.complete("hi")

        async def change() -> None:
            await changed_after(5.0, client, switch("acme"))
            await client.runtime.obey()

        group.start_soon(change)
        with pytest.raises(Exhausted, match="shunpike providers enable acme"):
            await client.complete("hi", timeout=300)
        assert client.clock.monotonic() < 6


async def test_what_an_operator_sets_lies_over_the_settings_until_it_is_taken_back(make_client: MakeClient) -> None:
    acme, home = two()
    order = Change(subject=Subject.EVERYTHING, setting=ControlSetting.ORDER, value=["home", "acme"])
    async with make_client(acme, home) as client:
        await changed(client, order)
        assert (await client.complete("hi")).text == "from home"
        await changed(client, order.model_copy(update={"value": None}))
        assert (await client.complete("hi")).text == "from acme"


async def test_limits_that_an_operator_sets_bind_what_is_admitted_next(make_client: MakeClient) -> None:
    acme, home = two()
    one = {"unit": "request", "amount": 1, "window": {"kind": "rolling", "seconds": 3_600}}
    limits = Change(subject=Subject.ACCOUNT, name="acme", setting=ControlSetting.LIMITS, value=[one])
    async with make_client(acme, home) as client:
        await changed(client, limits)
        assert [(await client.complete("hi")).text for _ in range(3)] == ["from acme", "from home", "from home"]
        await changed(client, limits.model_copy(update={"value": None}))
        assert (await client.complete("hi")).text == "from acme"


async def test_an_override_that_can_not_be_is_told_of_and_fails_no_request(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, home = two()
    async with make_client(acme, home) as client:

        def refuse(*_: object) -> None:
            raise ConfigError("no such limit")

        monkeypatch.setattr(client.runtime.ledger, "apply", refuse)
        await changed(client, switch("acme"))
        with pytest.warns(ConfigWarning, match="no such limit"):
            assert (await client.complete("hi")).text == "from home"


async def test_nothing_is_sent_while_it_can_not_be_told_what_is_switched_off(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = ScriptedProvider("acme", limits=(MINUTE,))
    async with make_client(acme) as client:

        async def revision() -> int:
            raise StoreError("the ledger is gone")

        monkeypatch.setattr(client.runtime.control, "revision", revision)
        with pytest.raises(StoreError, match="the ledger is gone"):
            await client.complete("hi")
        assert acme.backend.calls == []
        assert [left.used for _, left in await client.limits()] == [0], "the reservation was given back"


async def test_a_store_that_takes_its_time_to_tell_fails_no_request_and_is_asked_once_for_all_that_wait(
    make_client: MakeClient,
) -> None:
    published = Limit(unit=Unit.CONCURRENT, amount=20, window=Held())  # else it is taken to bear four at first
    acme = ScriptedProvider("acme", answer("from acme"), limits=(published,))
    async with make_client(acme) as client:
        control, looks = client.runtime.control, list[float]()

        async def slowly() -> int:
            await client.clock.sleep(2.0)
            looks.append(client.clock.monotonic())
            return 0

        assert isinstance(control, MemoryControl)
        control.revision = slowly  # type: ignore[method-assign]  # a server at the other end of the world
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(partial(client.complete, "hi", timeout=30))
        assert len(acme.backend.calls) == 20
        assert len(looks) == 1, "those that come at once look together"


async def test_those_that_wait_for_a_look_go_on_together_when_it_is_over(make_client: MakeClient) -> None:
    acme, _ = two()
    async with make_client(acme) as client:
        control, went_on, came = client.runtime.control, list[int](), anyio.Event()

        async def slowly() -> int:
            await came.wait()
            return 0

        async def begin(number: int) -> None:
            await client.runtime.obey()
            went_on.append(number)

        assert isinstance(control, MemoryControl)
        control.revision = slowly  # type: ignore[method-assign]
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(begin, number)
            await anyio.wait_all_tasks_blocked()
            came.set()
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            assert len(went_on) == 20
