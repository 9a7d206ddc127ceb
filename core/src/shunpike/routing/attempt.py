"""Walking a plan: admit, send, settle, check, next.

Retries, fall-over and waiting live here and share one budget of attempts and time. After the first content has left,
a stream is never retried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import anyio

from shunpike.errors import BadAnswer, Overloaded, PluginError, ProviderError
from shunpike.protocols import Target
from shunpike.routing.admitting import Admitting, tell
from shunpike.routing.answer_check import check_answer, misread
from shunpike.routing.blaming import blaming, checked
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.hints import NOBODY_ELSE, fit_key_hint
from shunpike.routing.outcomes import attempt_record, broken, failure, success
from shunpike.routing.schedule import Bounds, Pause, Schedule
from shunpike.routing.send import send
from shunpike.routing.trouble import Failure, Scope, Setback, is_trouble
from shunpike.routing.waiting import Waiting
from shunpike.types import Answer, Cause, EventName, Outcome, Settlement, Verdict
from shunpike.wire.not_sent import KeptMark

T = TypeVar("T")
SOONEST = 0.05
"""Seconds before a target that was closed is looked at again."""


@dataclass(frozen=True)
class Operation(Generic[T]):
    """What an attempt sends, what is wrong with what came back, and what to tell the ledger of it."""

    gives: type[T]
    send: Callable[[Attempt], Awaitable[T]]
    check: Callable[[T, Attempt], BadAnswer | None]
    outcome: Callable[[T, Attempt], Outcome]


class TimeFor(NamedTuple):
    """How long an attempt may take, and why no longer."""

    seconds: float
    why: str
    address: str

    def over(self, what: str) -> str:
        """Return the sentence for an attempt that took longer and gave no ``what``."""
        return f"{what} in time: {self.seconds:.3g} s were {self.why} (asked: {self.address})"


@dataclass(frozen=True)
class Walk:
    """One request on its way through its plan."""

    context: RequestContext
    recorder: DecisionRecorder
    schedule: Schedule
    waiting: Waiting


class Attempts:
    """Walks plans."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.admitting = Admitting(services)

    def begin(self, context: RequestContext, requested_model: str | None = None) -> Walk:
        """Return the walk of a request that has not asked anybody."""
        bounds = Bounds(context.max_attempts, context.expires, context.waits)
        schedule = Schedule(context.plan.targets, self._services.where, bounds)
        recorder = DecisionRecorder(requested_model or context.request.model, context.plan)
        return Walk(context, recorder, schedule, Waiting(self._services, context, recorder))

    async def complete(self, context: RequestContext) -> tuple[Answer, Attempt, DecisionRecorder]:
        """Return the first good answer. Raises `RequestError` at once, else `Exhausted` when the plan is used up."""
        services = self._services
        operation = Operation[Answer](
            gives=Answer,
            send=lambda attempt: send(
                services.ready(attempt.target), attempt.call, attempt.grant, services.clock, context.expires
            ),
            check=lambda answer, attempt: (
                check_answer(answer, context.request, attempt.target) or misread(answer, context, attempt)
            ),
            outcome=lambda answer, attempt: success(services, attempt, answer),
        )
        walk = self.begin(context)
        answer, attempt = await self.walk(walk, operation)
        return answer, attempt, walk.recorder

    async def walk(self, walk: Walk, operation: Operation[T]) -> tuple[T, Attempt]:
        """Return what the first target gave that did ``operation`` well. Raises as `complete` does."""
        while True:
            attempt = await self.next(walk)
            try:
                answer = await self._once(walk, attempt, operation)
            except (ProviderError, PluginError) as error:
                if not error.elsewhere:
                    error.hint = error.hint or NOBODY_ELSE
                    raise
                continue
            self.after_success(walk, attempt)
            return answer, attempt

    async def next(self, walk: Walk) -> Attempt:
        """Return the next admitted attempt, after a pause where that helps. Raises `Exhausted` at the end."""
        clock, schedule = self._services.clock, walk.schedule
        try:
            while (step := schedule.next(clock.monotonic())) is not None:
                if isinstance(step, Pause):
                    await self._pause(walk, step)
                elif (attempt := await self._visit(walk, step)) is not None:
                    return attempt
        finally:
            walk.waiting.over()
        walk.recorder.leave(schedule.untried(clock.monotonic()))
        raise walk.recorder.exhausted(walk.context.request_id, self._services.clock.now())

    async def _visit(self, walk: Walk, target: Target) -> Attempt | None:
        """Return an admitted attempt at ``target``, None where it is closed, which is noted."""
        where = self._services.where(target)
        setback = self._services.memory.enter(where)
        if setback is not None:
            walk.recorder.closed(target, setback)
            walk.schedule.refused(target, self._on_the_clock(setback))
            return None
        try:
            admitted = await self.admitting.admit(walk.context, walk.recorder, target)
        except PluginError as error:
            self._services.memory.leave(where)
            walk.recorder.failed(target, error)
            walk.schedule.refused(target, Setback(Scope.ACCOUNT, error.kind, error.message))
            return None
        except BaseException:
            self._services.memory.leave(where)
            raise
        if isinstance(admitted, Attempt):
            walk.schedule.begun(target)
            return admitted
        self._services.memory.leave(where)
        if target.label in walk.recorder.denials and admitted.retry_at is not None:
            walk.schedule.parked(target)
        else:
            walk.schedule.refused(target, Setback(Scope.MODEL, "refused", admitted.reason, cause=admitted.cause))
        return None

    async def _pause(self, walk: Walk, pause: Pause) -> None:
        """Wait for what refused to open, and for what is in trouble until its moment."""
        clock = self._services.clock
        if not pause.parked:
            await clock.sleep(pause.until - clock.monotonic())
            return
        opened = await walk.waiting.opened(pause.until)
        for target in opened:
            walk.schedule.reopen(target)
        if not opened and clock.monotonic() < pause.until:
            walk.schedule.close_parked()

    def _on_the_clock(self, setback: Setback) -> Setback:
        """Return it with its moment on the monotonic clock, and not so near that looking again would be a busy loop.

        Only trouble and limits are waited for: a key or a credit is mended by a person.
        """
        clock = self._services.clock
        if setback.until is None or setback.cause not in (Cause.TROUBLE, Cause.QUOTA):
            return setback._replace(until=None)
        return setback._replace(until=max(setback.until - clock.now(), SOONEST) + clock.monotonic())

    def time_for(self, walk: Walk, target: Target) -> TimeFor:
        """Return how long an attempt at ``target`` may take: not all of the time, while somebody else is untried."""
        now = self._services.clock.monotonic()
        left, address = max(walk.context.expires - now, 0.0), self._services.where(target).address
        if not walk.schedule.has_other(target, now):
            return TimeFor(left, "all that the request's deadline left", address)
        share = walk.context.attempt_share
        return TimeFor(left * share, f"its attempt_share ({share:g}) of what the request's deadline left", address)

    async def _once(self, walk: Walk, attempt: Attempt, operation: Operation[T]) -> T:
        services, plugin, mark = self._services, self._services.plugin(attempt.target), KeptMark()
        time = self.time_for(walk, attempt.target)
        try:
            with services.clock.fail_after(time.seconds), mark, blaming(plugin, "its backend"):
                answer = checked(await operation.send(attempt), operation.gives, plugin, "its backend")
            with blaming(plugin, "its answer"):
                bad, outcome = operation.check(answer, attempt), operation.outcome(answer, attempt)
            if bad is None:
                services.memory.succeeded(services.where(attempt.target))  # before it is booked, which tells others
                await self.settle(walk, attempt, outcome, None)
                return answer
        except TimeoutError:
            late = mark.on(Overloaded(time.over("no answer"), provider=attempt.target.name, kind="timeout"))
            await self.fail(walk, attempt, late)
            raise late from None
        except (ProviderError, PluginError) as error:
            await self.fail(walk, attempt, error)
            raise
        except BaseException as error:
            await self.settle(walk, attempt, broken(services, attempt, error), None)
            raise
        await self.fail(walk, attempt, bad, outcome)
        raise bad

    async def settle(self, walk: Walk, attempt: Attempt, outcome: Outcome, error: Failure | None) -> Settlement:
        """Book the attempt's end, whatever happens around it, and add it to the record."""
        left = walk.context.expires - self._services.clock.monotonic()
        closes, opens = self._services.memory.news()
        if closes or opens:
            outcome = outcome.model_copy(update={"closes": closes, "opens": opens})
        with anyio.CancelScope(shield=True):
            booked = await self._services.admission.settle(attempt.target, attempt.ask, outcome, left)
        attempt.settlement = booked
        if booked.unbooked is None:
            self._services.memory.booked(closes)
        else:
            walk.recorder.warnings.append(
                f"its cost is booked once the ledger can be written, or held at its worst case if this process ends "
                f"first: {booked.unbooked}"
            )
        walk.recorder.warnings += [one.reason for one in booked.blocks if one.is_freeze]
        walk.recorder.attempts.append(attempt_record(self._services.clock, attempt, booked, outcome, error))
        return booked

    async def fail(self, walk: Walk, attempt: Attempt, error: Failure, outcome: Outcome | None = None) -> None:
        """Book a failed attempt, and learn from it whom to ask next; ``outcome`` is of an answer that is none."""
        setback = self.learn(walk, attempt, error)
        if outcome is None:
            outcome = failure(self._services, attempt, error, setback.until)
        await self.settle(walk, attempt, outcome, error)

    def learn(self, walk: Walk, attempt: Attempt, error: Failure) -> Setback:
        """Note a failure, for this request and for others; return what it closes."""
        services, target = self._services, attempt.target
        error.request_id = walk.context.request_id
        if isinstance(error, ProviderError):
            fit_key_hint(error, target)
            error.provider = target.name
        setback = services.memory.learn(services.where(target), error, attempt.started_at)
        if target.paid and is_trouble(error) and error.billed is not False:
            # What may have been billed is not paid for twice.
            setback = setback._replace(until=None)
        walk.recorder.failed(target, error, setback.opens_at)
        walk.schedule.failed(target, self._on_the_clock(setback))
        tell(services, EventName.ATTEMPT_FAILED, target, error=error.kind, status=error.status)
        return setback

    def after_success(self, walk: Walk, attempt: Attempt) -> None:
        """Note who answered."""
        walk.recorder.note(attempt.target, Verdict.ANSWERED)
        walk.recorder.leave(walk.schedule.untried(self._services.clock.monotonic()))
        tell(self._services, EventName.ATTEMPT_FINISHED, attempt.target, attempt=attempt.ask.attempt_id)
