"""What is changed lies over files and variables; what is taken back leaves them as they were."""

from __future__ import annotations

import pytest

from shunpike.clock import SystemClock
from shunpike.control import Follower, MemoryControl, overlaid
from shunpike.control.store import ControlStore
from shunpike.errors import StoreError, WrongField
from shunpike.types import Cap, ProviderSettings, Settings
from shunpike.types.control import UNCONTROLLED, Change, Controls, ControlSetting, Signature, Subject

pytestmark = pytest.mark.anyio
BASE = Settings(order=("acme",), providers={"work": ProviderSettings(plugin="acme", order=5)})
BY = Signature(at=1_780_000_000.0, who="ann@north", why="it bills twice")


def change(subject: str, setting: str, value: object, name: str = "") -> Change:
    return Change(subject=Subject(subject), name=name, setting=ControlSetting(setting), value=value)


async def controls(*changes: Change) -> Controls:
    return await MemoryControl().change(changes, BY)


async def test_without_overrides_the_settings_are_the_same_object() -> None:
    assert overlaid(BASE, UNCONTROLLED) is BASE


async def test_an_override_lies_over_its_setting_and_over_no_other() -> None:
    settings = overlaid(
        BASE,
        await controls(
            change("everything", "order", ["home", "acme"]),
            change("everything", "max_attempts", 2),
            change("account", "order", 1, "work"),
            change("account", "limits", [{"percent": 80}], "home"),
        ),
    )
    assert (settings.order, settings.max_attempts) == (("home", "acme"), 2)
    assert settings.providers["work"] == ProviderSettings(plugin="acme", order=1)
    assert settings.providers["home"].limits == (Cap(percent=80),)
    assert settings.model_copy(update={"order": BASE.order, "max_attempts": 8, "providers": BASE.providers}) == BASE


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"subject": "everything", "setting": "enabled", "value": False}, "enabled can be set of: provider"),
        ({"subject": "provider", "name": "acme", "setting": "enabled", "value": 1}, "boolean"),
        ({"subject": "provider", "setting": "enabled", "value": False}, "provider needs a name"),
        ({"subject": "model", "name": "acme", "setting": "enabled", "value": False}, "ACCOUNT/MODEL"),
        ({"subject": "account", "name": "acme", "setting": "order", "value": "first"}, "valid integer"),
        ({"subject": "everything", "setting": "max_attempts", "value": 0}, "greater than or equal to 1"),
        ({"subject": "everything", "setting": "order", "value": ["a" * 200] * 100}, "10,000 are the most"),
    ],
)
def test_what_can_not_be_set_is_refused_when_the_change_is_made(fields: dict[str, object], words: str) -> None:
    with pytest.raises(WrongField, match=words):
        Change(**fields)  # type: ignore[arg-type]


async def test_a_follower_tells_each_change_once() -> None:
    store = MemoryControl()
    follower = Follower(BASE, store, SystemClock())
    assert not await follower.look()
    await store.change([change("everything", "max_attempts", 2)], BY)
    assert await follower.look()
    assert follower.in_force.settings.max_attempts == 2
    assert not await follower.look()
    await store.change([change("everything", "max_attempts", None)], BY)
    assert await follower.look()
    assert follower.in_force.settings == BASE


async def test_a_store_that_can_not_tell_leaves_what_is_known_in_force() -> None:
    class Broken(MemoryControl):
        async def revision(self) -> int:
            raise StoreError("no answer")

    follower = Follower(BASE, Broken(), SystemClock())
    with pytest.raises(StoreError):
        await follower.look()
    assert follower.is_due, "it was looked, and nothing was seen"
    assert follower.controls is UNCONTROLLED


async def test_without_a_store_nothing_is_ever_changed() -> None:
    assert not await Follower(BASE, None, SystemClock()).look()


def test_the_memory_store_is_a_control_store() -> None:
    assert isinstance(MemoryControl(), ControlStore)
