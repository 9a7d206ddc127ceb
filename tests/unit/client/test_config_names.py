"""Names in the configuration that exist nowhere."""

from __future__ import annotations

import pytest

from shunpike.client.names import doubts, near
from shunpike.errors import ConfigError, UsageError
from shunpike.types import Settings
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import MakeClient


def budget(provider: str) -> dict[str, object]:
    return {"amount": {"pico": 10**12}, "period": "day", "provider": provider}


@pytest.mark.parametrize(("name", "guess"), [("Acme", "'acme'"), ("acne", "'acme'"), ("hom", "'home'")])
def test_a_budget_of_nobody_bounds_nothing_and_is_an_error(make_client: MakeClient, name: str, guess: str) -> None:
    acme = ScriptedProvider("acme")
    with pytest.raises(ConfigError, match=rf"no provider '{name}'.* Did you mean {guess}\?") as caught:
        make_client(acme, budgets=[budget(name)], providers={"home": {"plugin": "acme"}})
    assert caught.value.hint


def test_a_budget_may_be_of_a_provider_a_section_or_what_is_only_not_here(make_client: MakeClient) -> None:
    """Files are shared: what can be installed, is switched off or has a section elsewhere breaks nothing."""
    make_client(
        ScriptedProvider("acme"),
        budgets=[budget(name) for name in ("acme", "home", "elsewhere", "off", "sandbox")],
        providers={"home": {"plugin": "acme"}, "elsewhere": {}},
        disabled_plugins=["off"],
    )


def test_every_other_name_is_a_doubt_with_the_nearest_one(make_client: MakeClient) -> None:
    client = make_client(
        ScriptedProvider("acme"),
        order=["acne", "acme"],
        strategy="priorty",
        providers={"acmee": {}, "home": {"plugin": "acm"}, "well": {"plugin": "acme"}},
        disabled_plugins=["acmes", "builtin"],
    )
    found = {one.name: one for one in doubts(client.settings, client.host)}
    assert set(found) == {"acne", "priorty", "acmee", "acm", "acmes"}
    assert all("Did you mean" in one.text for one in found.values())
    assert [one.name for one in found.values() if one.fatal] == ["priorty"]
    assert doubts(Settings(), client.host) == ()


async def test_a_wrong_strategy_is_the_configurations_mistake_or_the_calls(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("acme"), strategy="x") as client:
        with pytest.raises(ConfigError, match='a strategy called "x"'):
            await client.complete("hi")
        with pytest.raises(UsageError, match='a strategy called "y"'):
            await client.complete("hi", strategy="y")


def test_what_is_like_nothing_gets_no_guess() -> None:
    assert near("zzz", ["acme"]) == ""
