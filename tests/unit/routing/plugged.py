"""A client over plugins that misbehave, with a ledger in memory and a virtual clock."""

from __future__ import annotations

from typing import Any

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider


def client(*plugins: ScriptedProvider, more: dict[str, object] | None = None, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(plugins):
        provider.order = place
        host.register(provider, f"{provider.name}-plugin")
    for name, plugin in (more or {}).items():
        host.register(plugin, name)
    made = Settings.model_validate({"store": "memory:", **settings})
    return Client(made, host=host, clock=VirtualClock(), environ={})
