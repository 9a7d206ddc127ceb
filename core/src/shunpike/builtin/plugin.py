"""The core's own strategies and stores, registered through the same entry point as strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.builtin.memory import open_memory
from shunpike.builtin.priority import Priority
from shunpike.builtin.sqlite import open_sqlite
from shunpike.clock import Clock
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Store, Strategy


class Builtin:
    """The ``priority`` strategy, the ``sqlite:`` and ``memory:`` stores."""

    @hookimpl
    def shunpike_routing_strategy(self, name: str, options: Mapping[str, Any]) -> Strategy | None:  # noqa: ARG002 - the hook's arguments
        """Return `Priority`, which takes no options."""
        return Priority() if name == Priority.name else None

    @hookimpl
    def shunpike_store(self, url: str, clock: Clock) -> Store | None:
        """Return the store of ``sqlite:/path`` and ``memory:``."""
        if url.startswith("sqlite:"):
            return open_sqlite(url, clock=clock)
        return open_memory(url, clock=clock) if url.startswith("memory:") else None


plugin = Builtin()
