"""A plugin whose catalog can't be had is named and left out; the client is there, and the others answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import PluginError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider


def raising() -> Any:
    raise RuntimeError("no file")


def leaving() -> Any:
    raise SystemExit(3)


WRONG: dict[str, Callable[[], Any]] = {
    "raises": raising,
    "ends the process": leaving,
    "gives a text": lambda: "models",
    "gives a number": lambda: 7,
    "gives rows that are none": lambda: [{"id": "m"}],
}


class Meddler:
    """Brings no provider and answers for another's."""

    def __init__(self, wrong: Callable[[], Any]) -> None:
        self._wrong = wrong

    @hookimpl(tryfirst=True)
    def shunpike_models(self, provider: str) -> Any:
        return self._wrong() if provider == "sick" else None


def client(wrong: Callable[[], Any], *, meddler: bool = False, alone: bool = False) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    sick = ScriptedProvider("sick")
    if meddler:
        host.register(Meddler(wrong), "meddler")
    else:
        sick.shunpike_models = hookimpl(lambda provider: wrong() if provider == "sick" else None)  # type: ignore[method-assign]
    host.register(sick, "sick-plugin")
    if not alone:
        host.register(ScriptedProvider("well"), "well-plugin")
    return Client(Settings(store="memory:"), host=host, clock=VirtualClock(), environ={})


@pytest.mark.parametrize("meddler", [False, True], ids=["its own", "another's"])
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_catalog_that_can_not_be_had_leaves_its_provider_out_and_names_who_answered(
    wrong: str, *, meddler: bool
) -> None:
    """It ended `Client()`, and the owner was blamed for what another plugin did."""
    guilty = "meddler" if meddler else "sick-plugin"
    async with client(WRONG[wrong], meddler=meddler) as opened:
        assert (await opened.complete("hi")).provider == "well"
        sick = next(row for row in await opened.status() if row.name == "sick")
        assert (sick.state, sick.models) == ("broken", 0)
        assert sick.problem is not None
        assert f"plugin {guilty!r}: shunpike_models" in sick.problem
    async with client(WRONG[wrong], meddler=meddler, alone=True) as opened:
        with pytest.raises(PluginError, match=guilty):
            await opened.complete("hi")
