"""Settlements on their way into the store: nobody waits long for one, and none is given up while this process lives."""

from __future__ import annotations

from shunpike.clock import Clock
from shunpike.errors import said
from shunpike.ledger.capabilities import RetriesSettlements
from shunpike.masking import masked
from shunpike.patience import answered
from shunpike.protocols import Store
from shunpike.storage.backlog import ROOM, Backlog
from shunpike.types import Settlement

SETTLING = 10.0
"""Seconds to wait for a store that does not answer, when the request has time left."""
LEAVING = 1.0
"""Seconds to wait for it when there is none: the caller has gone, or its time is over."""
_AT_ONCE = 100


class Settling:
    """Writes settlements.

    Where the store tries by itself again what it could not write, all that is left to do is to stop waiting. For any
    other store a list is kept here, and tried again whenever the ledger is used, and at the end.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._backlog: Backlog[tuple[str, Settlement]] = Backlog(clock.monotonic)

    def __len__(self) -> int:
        """Return how many settlements are not written yet."""
        return self._store.unbooked if isinstance(self._store, RetriesSettlements) else len(self._backlog)

    async def book(self, attempt_id: str, settlement: Settlement, within: float) -> tuple[bool, str | None]:
        """Return whether it was booked now, and why not yet: None where it is, or was before.

        When it is not written ``within`` so many seconds, or at all, it will be later.
        """
        try:
            return await answered(self._store.settle(attempt_id, settlement), self._clock, within), None
        except BaseException as error:  # an answer that came, and was billed, is not lost with its settlement
            if not isinstance(self._store, RetriesSettlements):
                self._backlog.keep([(attempt_id, settlement)])
            if not isinstance(error, Exception):
                raise  # asyncio's own cancellation: no scope of anyio holds it off.
            return False, masked(said(error)) or type(error).__name__

    async def again(self, *, last: bool = False) -> None:
        """Try again what a store could not write that does not do so by itself, where it is time."""
        if last:
            self._backlog.hurry()
        waiting, failed, count = self._backlog.due(ROOM if last else _AT_ONCE), [], 0
        if not waiting:
            return
        try:
            while waiting:
                attempt_id, settlement = waiting[0]
                try:
                    await answered(self._store.settle(attempt_id, settlement), self._clock, LEAVING)
                except Exception:  # noqa: BLE001 - it is tried again
                    failed.append(waiting.pop(0))
                    if count == 0:
                        break
                else:
                    waiting.pop(0)
                    count += 1
        finally:
            self._backlog.tried([*failed, *waiting], any_done=count > 0)
