"""Where the ledger lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from shunpike.types import Block, Denial, Grant, Hold, Remaining, Reservation, Settlement, UsageRow


@runtime_checkable
class Store(Protocol):
    """Where the ledger lives. Every method is atomic and durable, or raises `StoreError`; times are epoch seconds."""

    async def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold, or none and say which limit blocks. Raises `AttemptExists` for an attempt that is known.

        A caller that is cancelled while it waits leaves at once; what it was granted is given back.
        """
        ...

    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False when it was settled before, which changes nothing.

        What fails, or whose caller is cancelled meanwhile, is settled again later: by the store where it
        `RetriesSettlements`, which it does whoever is cancelled; else by the ledger.
        """
        ...

    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        """Return what is left of each hold's limit; amounts are not looked at."""
        ...

    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``."""
        ...

    async def closed(self, now: float) -> Mapping[str, Block]:
        """Return bucket → block of the buckets that are closed at ``now``."""
        ...

    async def check(self) -> str:
        """Return a few words on size and integrity. Raises `StoreError` when it is damaged."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections; calling it again does nothing."""
        ...
