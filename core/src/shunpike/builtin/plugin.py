"""The core's own strategies and stores, registered through the same entry point as strangers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shunpike.builtin.memory import open_memory
from shunpike.builtin.sqlite import open_sqlite
from shunpike.builtin.strategies import OWN_STRATEGIES
from shunpike.clock import Clock
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Store, Strategy


class Builtin:
    """The core's own strategies, the ``sqlite:`` and ``memory:`` stores."""

    @hookimpl
    def shunpike_routing_strategy(self, name: str, options: Mapping[str, Any]) -> Strategy | None:
        """Return the strategy of that name. Raises `ConfigError` for options that it can't be made of."""
        made = OWN_STRATEGIES.get(name)
        return None if made is None else made(options)

    @hookimpl
    def shunpike_strategy_names(self) -> Sequence[str]:
        """Return the names of all of them."""
        return tuple(OWN_STRATEGIES)

    @hookimpl
    def shunpike_store(self, url: str, clock: Clock) -> Store | None:
        """Return the store of ``sqlite:/path`` and ``memory:``."""
        if url.startswith("sqlite:"):
            return open_sqlite(url, clock=clock)
        return open_memory(url, clock=clock) if url.startswith("memory:") else None


plugin = Builtin()
