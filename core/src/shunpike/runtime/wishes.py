"""What a caller asks for beside the prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from shunpike.types import Money, Principal
from shunpike.waiting import Waiter


@dataclass(frozen=True)
class Wishes:
    """What a caller asks for beside the prompt. None = as the settings say."""

    providers: tuple[str, ...] | None = None
    strategy: str | None = None
    timeout: float | None = None
    """Seconds for the whole request, all attempts together."""
    wait: bool | None = None
    max_wait: float | None = None
    """Seconds that it waits at most for what opens, all its pauses together; None = as long as it has time."""
    strict: bool = False
    no_training: bool | None = None
    no_paid: bool | None = None
    """Whether nothing that costs money is asked, whatever the settings allow."""
    tag: str | None = None
    task: str | None = None
    min_quality: float | None = None
    session: str | None = None
    """Names the conversation that the request is a turn of; None = it is known by how its prompt begins."""
    priority: Literal["interactive", "batch"] = "interactive"
    request_id: str | None = None
    """A request of this id is asked once, as far as the ledger knows; None = it gets one that no other has."""
    is_new_id: bool = False
    """Whether ``request_id`` was just made, by `Planner.new_id`: nobody asks the ledger what it knows of it."""
    reads: Callable[[str], Any] | None = None
    """Makes what was asked for of an answer's text; raises `ValueError` where it is none."""
    stream: bool = False
    """Whether the answer is read as it is made."""
    on_bad_answer: Literal["next", "return"] | None = None
    max_cost: Money | None = None
    """What the request may cost at most, all attempts together."""
    hedge: bool | None = None
    dry_run: bool = False
    """Whether it is only planned: it leaves no record."""
    principal: Principal | None = None
    """Who asks, such as a client key of a gateway: its budgets and limits hold, too; None = the operator."""
    waiter: Waiter | None = None
    """Its place in the line; None = behind all that are there when it is planned: see `Planner.arrived`."""

    @property
    def known_id(self) -> str | None:
        """The id of a request that may have been asked before."""
        return None if self.is_new_id else self.request_id

    @property
    def client(self) -> str | None:
        """Who asks, as rules and records name it."""
        return None if self.principal is None else self.principal.id
