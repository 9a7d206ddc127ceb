"""Simulated providers, as a plugin offers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from shunpike.types import Money
from shunpike.types.base import Record


class BookRow(Record):
    """What a simulated provider itself recorded."""

    provider: str
    received: int
    answered: int
    refused: int
    prompt_tokens: int
    completion_tokens: int
    billed: Money
    credit: Money
    overages: int
    """Requests that were refused because a limit was overstepped."""


class Endpoint(Record):
    """Where a simulated provider listens, with a key it accepts."""

    base_url: str
    key: str


@runtime_checkable
class World(Protocol):
    """Simulated providers over HTTP, with books of their own."""

    async def start(self) -> Mapping[str, Endpoint]:
        """Listen on a loopback port; return provider id → endpoint."""
        ...

    def set_faults(self, rate: float, seed: int) -> None:
        """Let ``rate`` (0 to 1) of the requests fail before their first content, in the provider's own manner."""
        ...

    def books(self) -> Sequence[BookRow]:
        """Return what each provider recorded since the start."""
        ...

    def serve(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """Serve in the foreground until interrupted; ``ready`` gets the base URL."""
        ...

    async def aclose(self) -> None:
        """Stop listening."""
        ...
