"""The ledger as routing sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from shunpike.protocols.target import Target
from shunpike.types import Denial, Grant, Money, Outcome, Price, Principal, Remaining, Settlement
from shunpike.types.base import Record

MAX_COST = "max_cost"
"""The source of the limit that a request sets itself: what it may cost."""
UNPUBLISHED = "found by trying"
"""The source of a limit that was made of `AdmissionRequest.concurrency`."""


class AdmissionRequest(Record):
    """One attempt before it is admitted: the bounds that the worst case is made of."""

    attempt_id: str
    request_id: str
    prompt_tokens: int
    """Counted or estimated, never under for ordinary text: what token limits are held with."""
    prompt_bound: int | None = None
    """A bound from above that no tokenizer exceeds: what money is held with. None = ``prompt_tokens``."""
    max_output: int
    min_output: int | None = None
    likely_output: int | None = None
    """Where given: the cap is chosen from ``min_output`` to ``max_output``; token limits hold ``likely_output``."""
    choices: int = 1
    price: Price | None = None
    max_cost: Money | None = None
    """The most that it may cost: what is left of its request's own bound; None = there is none."""
    tag: str | None = None
    principal: Principal | None = None
    """Who asks, with what bounds it; None = the operator."""
    priority: Literal["interactive", "batch"] = "interactive"
    concurrency: int | None = None
    """How many attempts the account is thought to bear at a time, where nobody published it; None = any number."""
    arrival: int | None = None
    """Persons come before batches, and who came earlier first, where a bucket is waited for; None = it never stands."""
    waits_until: float | None = None
    """Until when its request waits for what is full, in epoch seconds; None = it does not."""


class Admission(Protocol):
    """The ledger as routing sees it: nothing is sent without a grant."""

    async def admit(self, target: Target, ask: AdmissionRequest) -> Grant | Denial:
        """Reserve the worst case of one attempt over every limit and budget that applies. Raises `StoreError`."""

    async def foresee(self, target: Target, ask: AdmissionRequest) -> Denial | None:  # noqa: ARG002 - of those that can
        """Return what would deny the attempt as things stand, and take nothing; None where nothing would.

        Its moment is when that is empty again: at the latest. Raises `StoreError`.
        """
        return None

    async def settle(self, target: Target, ask: AdmissionRequest, outcome: Outcome, within: float = 10.0) -> Settlement:
        """Settle the attempt once, to the truth. What takes longer than ``within`` seconds is ``unbooked`` as yet."""

    async def snapshot(self, targets: Sequence[Target]) -> Mapping[str, Sequence[Remaining]]:
        """Return label → what is left of every limit and budget that a call of it draws on. Raises `StoreError`."""
