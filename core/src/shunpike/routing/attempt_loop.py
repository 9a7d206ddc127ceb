"""The one loop over a plan, for whole answers, streams and embeddings: admit, send, check, settle, next.

Retries, fall-over and waiting share one budget of attempts and time. After the first content of a stream has left,
nothing is tried again: the loop ends there, and whoever reads the stream sees to its end (``streaming.py``).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

from shunpike.errors import PluginError, ProviderError, StoreError, UsageError
from shunpike.not_sent import KeptMark
from shunpike.protocols import Target
from shunpike.routing.admitting import Admitting
from shunpike.routing.attempt_end import AttemptEnd, until_mono
from shunpike.routing.blaming import blaming
from shunpike.routing.context import Attempt, RequestContext, Services, TimeFor
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.fall_over import step_after
from shunpike.routing.hedging import Hedging, Race
from shunpike.routing.hints import NOBODY_ELSE, STOPPED
from shunpike.routing.operation import Operation
from shunpike.routing.run import RequestRun
from shunpike.routing.schedule import Pause
from shunpike.routing.trouble import Setback, TroubleScope
from shunpike.types import Cause, FallOverStep, Verdict

T = TypeVar("T")


class AttemptLoop:
    """Walks plans."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ends = AttemptEnd(services)
        self._admitting = Admitting(services)
        self._hedging = Hedging(services)

    def begin(self, context: RequestContext) -> RequestRun:
        """Return the run of a request that has not asked anybody."""
        return RequestRun.begin(self.services, context)

    async def run(self, context: RequestContext, operation: Operation[T]) -> tuple[T, Attempt, DecisionRecorder]:
        """Return the first that ``operation`` gave and found good, with the attempt that gave it and the record.

        Raises `RequestError` at once, else `Exhausted` when the plan is used up.
        """
        run = self.begin(context)
        return *await self.walk(run, operation), run.recorder

    async def walk(self, run: RequestRun, operation: Operation[T]) -> tuple[T, Attempt]:
        """Return what `run` does, of a run that was begun."""
        try:
            while True:
                attempt = await self.next(run)
                try:
                    given, attempt = await self._raced(run, attempt, operation)
                except (ProviderError, PluginError) as error:
                    if self._stops(run, error):
                        error.hint = error.hint or (STOPPED if error.elsewhere else NOBODY_ELSE)
                        raise
                else:
                    break
        except BaseException as error:
            run.failed(error)
            raise
        if attempt.settlement is not None:
            run.finished(attempt, operation.warnings(given, attempt))
        return given, attempt

    async def _raced(self, run: RequestRun, first: Attempt, operation: Operation[T]) -> tuple[T, Attempt]:
        """Make an attempt, and beside it a second one where that is wished for and it takes long."""
        seconds = self._hedging.after(run, first)
        if seconds is None:
            return await self.once(run, first, operation), first
        race: Race[T] = Race(
            self.services.clock,
            lambda attempt: self.once(run, attempt, operation),
            lambda error: not isinstance(error, ProviderError | PluginError) or self._stops(run, error),
        )
        try:
            await race.run(first, lambda: self._beside(run, first, seconds), seconds)
            for _, attempt in race.late:
                await self.ends.left(run, attempt)
        except BaseException:
            # The caller may go away while the loser is settled: what had begun to answer has nobody who reads it.
            for attempt in race.given:
                await self.ends.left(run, attempt)
            raise
        if race.won is None:
            raise race.errors[0]
        return race.won

    async def _beside(self, run: RequestRun, first: Attempt, seconds: float) -> Attempt | None:
        target = await self._hedging.chosen(run, first)
        attempt = None if target is None else await self._visit(run, target)
        if attempt is not None:
            beside = f"{first.target.label} gave nothing within {seconds:.3g} s"
            run.recorder.notes.append(f"{attempt.target.label} was asked as well: {beside}")
        return attempt

    @staticmethod
    def _stops(run: RequestRun, error: ProviderError | PluginError) -> bool:
        return step_after(error, run.context.fall_over) is FallOverStep.STOP

    async def next(self, run: RequestRun) -> Attempt:
        """Return the next admitted attempt, after a pause where that helps. Raises `Exhausted` at the end.

        It is to be called by one task at a time; the attempts that it gave may run side by side. After a call that was
        cancelled there is no other.
        """
        clock, schedule = self.services.clock, run.schedule
        try:
            while (step := schedule.next(now_mono := clock.monotonic(), run.waiting.until_mono(now_mono))) is not None:
                if isinstance(step, Pause):
                    await self._pause(run, step)
                elif (attempt := await self._visit(run, step)) is not None:
                    return attempt
        finally:
            run.waiting.over()
        run.recorder.leave(schedule.untried(clock.monotonic()))
        await self._admitting.foresee(run)
        raise run.recorder.exhausted(run.context.request_id, clock.now())

    async def _visit(self, run: RequestRun, target: Target) -> Attempt | None:
        """Return an admitted attempt at ``target``, None where it is closed, which is noted."""
        health, where = self.services.health, self.services.where(target)
        if not self._may_ask(run, target):
            return None
        setback = health.enter(where, run.places, None if target.label in run.shed else run.context.request_id)
        run.shed.add(target.label)
        if setback is not None:
            self._closed(run, target, setback)
            return None
        refused = health.refusal(where)
        try:
            admitted = await self._admitting.admit(run, target)
            off = await self.ends.switched_off(run, admitted) if isinstance(admitted, Attempt) else None
        except PluginError as error:
            health.leave(where)
            run.recorder.failed(target, error)
            run.schedule.closed(target, Setback(TroubleScope.ACCOUNT, error.kind, error.message))
            return None
        except BaseException:
            health.leave(where)
            raise
        now_refused = health.refusal(where)
        if isinstance(admitted, Attempt) and off is None and now_refused is not None and refused is None:
            # The first of many that were admitted at once was told so: the others have not left yet.
            await self.ends.refused_meanwhile(run, admitted)
            self._closed(run, target, now_refused)
            return None
        if isinstance(admitted, Attempt) and off is None:
            if target.label in run.troubled:
                self.services.retries.retried(target.label, self.services.clock.monotonic())
            run.schedule.begun(target)
            return admitted
        health.leave(where)
        if isinstance(admitted, Attempt):
            self._leave_out(run, target, off or "")
        elif target.label in run.recorder.denials and admitted.retry_at is not None:
            run.schedule.parked(target)
        else:
            run.schedule.closed(target, Setback(TroubleScope.MODEL, "denied", admitted.reason, cause=admitted.cause))
        return None

    def _closed(self, run: RequestRun, target: Target, setback: Setback) -> None:
        run.recorder.closed(target, setback)
        run.schedule.closed(target, setback, until_mono(self.services.clock, setback))

    def _may_ask(self, run: RequestRun, target: Target) -> bool:
        """Whether ``target`` may be asked: for the first time always, again only while its retry budget allows it."""
        again = target.label in run.troubled
        if not again or self.services.retries.allows(target.label, self.services.clock.monotonic()):
            return True
        run.schedule.closed(target, Setback(TroubleScope.MODEL, "retry_budget", "most of its attempts fail"))
        return False

    async def _pause(self, run: RequestRun, pause: Pause) -> None:
        """Wait for what was denied to open, and for what is in trouble until its moment.

        Raises `UsageError` as soon as the client is closed.
        """
        parked = run.schedule.parked_labels if pause.parked else ()
        opened = await run.waiting.opened(pause.until_mono, parked=parked, trouble=run.schedule.awaited)
        if self.services.queue.closed:
            raise UsageError("the client is closed", hint="make another: Client()")
        for target in opened:
            run.schedule.reopen(target)
        if run.waiting.switched:
            await self._obey(run)
        elif pause.parked and not opened and self.services.clock.monotonic() < pause.until_mono:
            run.schedule.close_parked()

    async def _obey(self, run: RequestRun) -> None:
        """Leave out who was switched off while the request waited; what can't be told now is told before sending."""
        with suppress(StoreError):
            for target in run.schedule.open:
                off = await self.ends.why_off(run, target)
                if off is not None:
                    self._leave_out(run, target, off)

    def _leave_out(self, run: RequestRun, target: Target, off: str) -> None:
        """Note that ``target`` was switched off."""
        run.recorder.note(target, Verdict.DROPPED, off, cause=Cause.DISABLED)
        run.schedule.closed(target, Setback(TroubleScope.MODEL, "denied", off, cause=Cause.DISABLED))

    async def once(self, run: RequestRun, attempt: Attempt, operation: Operation[T]) -> T:
        """Make one attempt. What goes wrong is booked, and raised."""
        plugin, mark = self.services.plugin(attempt.target), KeptMark()
        attempt.time = self._time_for(run, attempt.target)
        try:
            with self.services.clock.fail_after(attempt.time.seconds), mark, blaming(plugin, operation.what):
                given = await operation.send(attempt)
            if operation.goes_on(given):
                return given
            with blaming(plugin, "its answer"):
                bad, outcome = operation.check(given, attempt), operation.outcome(given, attempt)
        except BaseException as error:
            failed = await self.ends.broke_off(run, attempt, error, mark)
            if failed is error:
                raise
            raise failed from None
        if bad is not None:
            if not operation.may_return(bad, run.context):
                await self.ends.failed(run, attempt, bad, outcome)
                raise bad
            await self.ends.returned(run, attempt, bad, outcome)
            return given
        await self.ends.answered(run, attempt, outcome)
        return given

    def _time_for(self, run: RequestRun, target: Target) -> TimeFor:
        """Return how long an attempt at ``target`` may take: not all of the time, while somebody else is untried."""
        left, address = run.left(), self.services.where(target).address
        if not run.schedule.has_other(target, self.services.clock.monotonic()):
            return TimeFor(left, "all that the request's timeout left", address)
        share = run.context.attempt_share
        return TimeFor(left * share, f"its attempt_share ({share:g}) of what the request's timeout left", address)
