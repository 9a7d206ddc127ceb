"""A client over scripted providers, a virtual clock and a ledger in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider

START = 1_795_300_000.0
"""2026-11-21 21:46:40 UTC."""

MakeClient = Callable[..., Client]


@pytest.fixture
def make_client() -> MakeClient:
    """Return ``make(*providers, **settings)``."""

    def make(*providers: ScriptedProvider, environ: dict[str, str] | None = None, **settings: Any) -> Client:
        host = Host()
        host.register(builtin, "builtin")
        for place, provider in enumerate(providers):
            provider.order = place
            host.register(provider, provider.name)
        made = Settings.model_validate({"store": "memory:", **settings})
        return Client(made, host=host, clock=VirtualClock(START), environ=environ or {})

    return make
