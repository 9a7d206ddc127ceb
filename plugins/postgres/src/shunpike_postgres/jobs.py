"""What waits in the writer's queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from typing_extensions import override

from shunpike.storage import Work
from shunpike.storage.database import Kept
from shunpike.storage.pending import Pending
from shunpike.types import Denial, Grant, Reservation, Settlement

if TYPE_CHECKING:
    from shunpike_postgres.session import PostgresSession

T = TypeVar("T")


class Admit(Pending[Grant | Denial]):
    """A reservation that waits for its grant."""

    __slots__ = ("reservation",)

    def __init__(self, reservation: Reservation) -> None:
        super().__init__()
        self.reservation = reservation


class Settle(Pending[bool]):
    """The end of an attempt: it is tried again until it is written."""

    __slots__ = ("attempt_id", "settlement")

    def __init__(self, attempt_id: str, settlement: Settlement) -> None:
        super().__init__(lasting=True)
        self.attempt_id = attempt_id
        self.settlement = settlement


class SessionJob(Pending[T]):
    """Anything else that is done on the writing connection, alone; it may be done again when the connection is lost."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[PostgresSession], Awaitable[T]]) -> None:
        super().__init__()
        self.work = work


class SharedJob(SessionJob["tuple[Any, ...] | Exception"]):
    """Work of several stores in one transaction. What a part of it raised is its result: nothing was kept then."""

    __slots__ = ("_parts", "admitted", "committing")

    def __init__(self, parts: Sequence[Work[Any]]) -> None:
        super().__init__(self._together)
        self._parts = parts
        self.committing = False
        """Whether the commit was sent: from then on it must not be done again."""
        self.admitted: Sequence[str] = ()
        """Attempts that are held, if the commit is kept that was sent."""

    async def _together(self, session: PostgresSession) -> tuple[Any, ...] | Exception:
        connection = session.connection
        transaction = session.transaction()
        results: list[Any] = []
        holds = dict(session.holds)
        await connection.execute("BEGIN")
        try:
            for part in self._parts:
                results.append(await transaction.run(part))
            self.admitted, self.committing = transaction.admitted, True
            await connection.execute("COMMIT")
        except BaseException as error:
            if session.is_open:
                await connection.rollback()
            session.undo(holds)
            if isinstance(error, Exception) and not isinstance(error, psycopg.Error | OSError):
                return error
            raise
        for topic, revision in transaction.announced.items():
            session.feed.tell(topic, revision)
        return tuple(results)


class LaterJob(SharedJob):
    """Work that nobody waits for: it has its turn a little later."""

    __slots__ = ("then",)

    def __init__(self, work: Work[Any], then: Kept) -> None:
        super().__init__([work])
        self.then = then

    @override
    def tell(self) -> None:
        """Say what became of it: there is no task to wake."""
        self.then(self.error or (self.result if isinstance(self.result, Exception) else None))


Job = Admit | Settle | SessionJob[Any]
