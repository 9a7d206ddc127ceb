"""Hedging: a second attempt beside a slow one. Who answers first wins; the other is cancelled, and settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio

from shunpike.clock import Clock
from shunpike.protocols import Target
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.hedge_budget import has_room, hedge_after
from shunpike.routing.run import RequestRun

T = TypeVar("T")
Make = Callable[[Attempt], Awaitable[T]]
"""Makes an attempt. Raises what became of it."""
Second = Callable[[], Awaitable[Attempt | None]]
"""Admits the second attempt, None where there is none."""


class Hedging:
    """Says when a request is hedged, and where."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def after(self, run: RequestRun, attempt: Attempt) -> float | None:
        """Return the seconds after which ``attempt`` is hedged, None where it is not."""
        context, services = run.context, self._services
        if not self._may_be(context) or self.other(run, attempt) is None:
            return None
        if not run.recorder.attempts:
            services.hedges.counted()  # A request counts once, however often it is tried.
        now, label = services.clock.now(), attempt.target.label
        tokens = context.tokens(attempt.target)
        speed = services.performance.speeds.of(label, stream=context.streamed, prompt_tokens=tokens, now=now)
        length = services.performance.lengths.expected(context.tag, label)
        return hedge_after(speed, min(length, attempt.max_output), streamed=context.streamed)

    @staticmethod
    def _may_be(context: RequestContext) -> bool:
        return context.hedge and context.priority == "interactive" and context.request.kind == "chat"

    def other(self, run: RequestRun, attempt: Attempt) -> Target | None:
        """Return who would be asked beside ``attempt``: of another provider, and for no money where it costs none."""
        return run.schedule.beside(attempt.target, self._services.clock.monotonic())

    async def chosen(self, run: RequestRun, attempt: Attempt) -> Target | None:
        """Return who is asked beside ``attempt`` now, None where what is left there is scarce, or hedges are used up.

        Raises `StoreError`.
        """
        target = self.other(run, attempt)
        if target is None:
            return None
        left = await self._services.admission.snapshot([target])
        if not has_room(left.get(target.label, ())) or not self._services.hedges.take():
            return None
        return target


@dataclass(eq=False)
class Race(Generic[T]):
    """A first attempt, and a second one that is made when the first takes longer than ``seconds``."""

    clock: Clock
    make: Make[T]
    ends_all: Callable[[Exception], bool]
    """Whether a failure of one is a failure of both."""
    won: tuple[T, Attempt] | None = None
    late: list[tuple[T, Attempt]] = field(default_factory=list)
    """What came after it was won, at the same moment: it is to be let go of."""
    errors: list[Exception] = field(default_factory=list)

    @property
    def given(self) -> list[Attempt]:
        """The attempts that gave something, be it too late."""
        return [attempt for _, attempt in ((self.won, *self.late) if self.won else self.late)]

    async def run(self, first: Attempt, second: Second, seconds: float) -> None:
        """Run it to its end; ``won`` or ``errors`` tell how it ended, the decisive one first."""
        self._over, self._admission = anyio.Event(), anyio.CancelScope()
        self._scopes = [anyio.CancelScope(), anyio.CancelScope()]
        async with anyio.create_task_group() as group:
            group.start_soon(self._make, first, self._scopes[0])
            with self.clock.move_on_after(seconds):
                await self._over.wait()
            if not self._over.is_set() and (attempt := await self._admitted(second)) is not None:
                group.start_soon(self._make, attempt, self._scopes[1])

    async def _admitted(self, second: Second) -> Attempt | None:
        """Return the second attempt; that there is none keeps nobody from waiting for the first, nor from its answer.

        What keeps it from being admitted is met again by whoever is asked after the first has failed.
        """
        with self._admission, suppress(Exception):
            return await second()
        return None

    async def _make(self, attempt: Attempt, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                given = await self.make(attempt)
            except Exception as error:  # noqa: BLE001 - raised by whoever holds the race
                decides = self.ends_all(error)
                self.errors.insert(0 if decides else len(self.errors), error)
                if decides:
                    self._end(scope)
            else:
                if self.won is None:
                    self.won = given, attempt
                    self._end(scope)
                else:
                    self.late.append((given, attempt))
        self._over.set()

    def _end(self, winner: anyio.CancelScope) -> None:
        for scope in (self._admission, *self._scopes):
            if scope is not winner:
                scope.cancel()
