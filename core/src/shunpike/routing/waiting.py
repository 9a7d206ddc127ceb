"""Waiting, within a request's time, for what is full: woken by what comes back, and by the moments that are known.

What running calls of this process give back wakes the first who waits for it. What other processes hold tells nobody:
the store is asked again after a growing time. A window opens at its moment. Whoever can't be helped before the
request's end is not waited for. All stand in the line of the switches as well: the first of it looks now and then
whether an operator changed them, which wakes the others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import anyio

from shunpike.clock import Clock
from shunpike.protocols import Target
from shunpike.routing.context import RequestContext, Services
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.trouble import Setback
from shunpike.types import Denial, DenialCause, RequestWaiting
from shunpike.waiting import SWITCHES, in_time

FIRST_LOOK, LAST_LOOK = 0.05, 1.0
"""Seconds between two looks at what others hold: the first, doubled each time, and the longest."""
WORTH_TELLING = 2.0
"""Seconds of a pause for what is in trouble that is no back-off between two attempts any more."""
_SWITCHES = Denial(cause=DenialCause.BLOCKED, bucket=SWITCHES)
_BEAT = 0.001
"""Seconds after a moment at which it has passed for certain, whatever was lost in adding."""


class Waiting:
    """What one request waits for. `over` is to be called at its end, whatever that is."""

    def __init__(self, services: Services, context: RequestContext, recorder: DecisionRecorder) -> None:
        self._services = services
        self._queue = services.queue
        self._clock = services.clock
        self._tell_observers = services.tell
        self._context = context
        self._recorder = recorder
        self._waiter = context.waiter
        self._look_after = FIRST_LOOK
        self._looked_mono = 0.0
        self._waited = 0.0
        """Seconds of all pauses that are over."""
        self._until_mono = math.inf
        """When this pause ends at the latest."""
        self._told: str | None = None
        self._revision = services.revision
        self.switched = False
        """Whether the last wait ended since an operator changed something."""

    def over(self) -> None:
        """Stand in no line any more; calling it again does nothing."""
        self._queue.leave(self._waiter)

    def until_mono(self, now_mono: float) -> float:
        """Return when a pause that begins now ends at the latest: with the request, or with its patience."""
        context = self._context
        return min(context.expires_mono, now_mono + max(context.max_wait - self._waited, 0.0))

    async def opened(
        self, until_mono: float = math.inf, *, parked: Collection[str], trouble: tuple[Target, Setback] | None = None
    ) -> Sequence[Target]:
        """Wait until ``until_mono`` at most, and no longer than the request may; return what is worth another try.

        What is returned was denied, is among ``parked`` and comes in the plan's order. It is empty where nothing is
        parked or opens in time, and where the queue is closed. What got into trouble after it was denied is not parked
        any more: its limit may open, and nobody could be asked.

        ``trouble`` is who may be asked then, and what closed it; told, and noted, where nothing else is waited for.

        The request keeps its place in the lines until `over`, or until this is called again.
        """
        self.switched = False
        began_mono = self._clock.monotonic()
        self._until_mono = self.until_mono(began_mono)
        try:
            return await self._opened(until_mono, parked, trouble)
        finally:
            self._waited += self._clock.monotonic() - began_mono

    async def _opened(
        self, until_mono: float, parked: Collection[str], trouble: tuple[Target, Setback] | None
    ) -> Sequence[Target]:
        waited = self._in_time(parked)
        if parked and not waited:
            self.over()
            return ()
        lines = {denial.bucket: denial for _, denial in waited.values()}
        self._queue.stand(self._waiter, {**lines, SWITCHES: _SWITCHES})
        self._looked_mono = self._clock.monotonic()
        long = until_mono - self._looked_mono >= WORTH_TELLING
        troubled = trouble if long and not waited else None
        self._tell(waited)
        self._tell_trouble(troubled, until_mono)
        while not self._queue.closed:
            self.switched = await self._is_switched()
            ready = self._ready(waited)
            began_mono = self._clock.monotonic()
            if ready or self.switched or self._left() <= 0 or began_mono >= until_mono:
                return self._in_order(ready)
            await first_of(self._clock, self._waiter.turn, min(self._pause(waited), until_mono - began_mono))
            self._note(waited, troubled, self._clock.monotonic() - began_mono)
        return ()

    async def _is_switched(self) -> bool:
        """Look at what an operator changed; return whether it is another than at the last look."""
        if self._services.obey is None:
            return False
        before, self._revision = self._revision, await self._services.obey()
        return self._revision != before

    def _in_time(self, parked: Collection[str]) -> dict[str, tuple[Target, Denial]]:
        """Return label → what was denied, is ``parked`` and may open while it may be waited for."""
        left = self._left()
        if left <= 0 or not self._context.waits:
            return {}
        latest = self._clock.now() + left
        return {
            label: (target, denial)
            for label, (target, denial) in self._recorder.denials.items()
            if label in parked and in_time(denial, latest)
        }

    def _ready(self, waited: Mapping[str, tuple[Target, Denial]]) -> list[str]:
        """Return the labels that are worth another try now: of each line only its first has a turn."""
        stirred = self._waiter.look()
        due = self._clock.monotonic() - self._looked_mono >= self._look_after
        now, found = self._clock.now(), []
        for label, (_, denial) in waited.items():
            moment = due if denial.held else denial.retry_at is not None and denial.retry_at <= now
            if denial.bucket in stirred or (moment and self._queue.is_first(self._waiter, denial.bucket)):
                found.append(label)
        if stirred:
            self._look_after = FIRST_LOOK
        elif due:
            self._look_after = min(2 * self._look_after, LAST_LOOK)
        return found

    def _pause(self, waited: Mapping[str, tuple[Target, Denial]]) -> float:
        """Return the seconds until something may be ready, or nothing is waited for any more."""
        now, pauses = self._clock.now(), [self._left()]
        if self._queue.is_first(self._waiter, SWITCHES):
            pauses.append(self._services.look_every)
        for _, denial in waited.values():
            if not self._queue.is_first(self._waiter, denial.bucket):
                continue
            if denial.held:
                pauses.append(self._looked_mono + self._look_after - self._clock.monotonic())
            elif denial.retry_at is not None:
                pauses.append(denial.retry_at - now)
        return max(min(pauses), _BEAT)

    def _left(self) -> float:
        return self._until_mono - self._clock.monotonic()

    def _in_order(self, labels: Sequence[str] | Mapping[str, object]) -> Sequence[Target]:
        return [target for target in self._recorder.plan.targets if target.label in labels]

    @staticmethod
    def _first(waited: Mapping[str, tuple[Target, Denial]]) -> tuple[Target, Denial]:
        """Return what will open first."""
        return min(waited.values(), key=lambda one: one[1].retry_at or 0.0)

    def _note(
        self, waited: Mapping[str, tuple[Target, Denial]], troubled: tuple[Target, Setback] | None, seconds: float
    ) -> None:
        if waited:
            target, denial = self._first(waited)
            self._recorder.waited(target, denial.text, seconds)
        elif troubled is not None:
            target, setback = troubled
            self._recorder.waited(target, setback.in_trouble, seconds)

    def _tell_trouble(self, troubled: tuple[Target, Setback] | None, until_mono: float) -> None:
        if troubled is None:
            return
        target, setback = troubled
        what = f"{target.label} {setback.kind} {until_mono}"
        if self._told == what:
            return
        self._told = what
        self._tell_observers(
            RequestWaiting,
            request_id=self._context.request_id,
            provider=target.name,
            model=target.model.id,
            limit=setback.in_trouble,
            retry_at=self._clock.now() + until_mono - self._clock.monotonic(),
            held=False,
            earliest=False,
            ahead=0,
        )

    def _tell(self, waited: Mapping[str, tuple[Target, Denial]]) -> None:
        if not waited:
            return
        target, denial = self._first(waited)
        if self._told == denial.bucket:
            return
        self._told = denial.bucket
        self._tell_observers(
            RequestWaiting,
            request_id=self._context.request_id,
            provider=target.name,
            model=target.model.id,
            limit=denial.text,
            retry_at=denial.retry_at,
            held=denial.held,
            earliest=denial.earliest,
            ahead=denial.ahead,
        )


async def first_of(clock: Clock, event: anyio.Event, seconds: float) -> None:
    """Return when ``event`` is set or ``seconds`` have passed on ``clock``, whichever comes first."""
    with clock.move_on_after(seconds):
        await event.wait()
