"""What waits in the writer's queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from shunpike.storage.pending import Pending
from shunpike.types import Denial, Grant, Reservation, Settlement

if TYPE_CHECKING:
    from shunpike_postgres.session import Session

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


class Work(Pending[T]):
    """Anything else that is done on the writing connection, alone; it may be done again when the connection is lost."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[Session], Awaitable[T]]) -> None:
        super().__init__()
        self.work = work


Job = Admit | Settle | Work[Any]
