"""How an attempt ends: its connection is closed, the ledger books it, and whoever learns of it is told.

This is the one point at which health is fed.
"""

from __future__ import annotations

import anyio

from shunpike.clock import Clock
from shunpike.complaints import in_words
from shunpike.errors import BadAnswer, Interrupted, Overloaded, PluginError, ProviderError, ShunpikeError
from shunpike.not_sent import KeptMark
from shunpike.patience import answered, let_go
from shunpike.protocols import Target
from shunpike.protocols.admission import UNPUBLISHED
from shunpike.routing.affinity import loss
from shunpike.routing.blaming import blaming
from shunpike.routing.context import Attempt, Services
from shunpike.routing.fall_over import ends_paying, step_after
from shunpike.routing.hints import fit_key_hint
from shunpike.routing.outcomes import attempt_record, broken, cancelled, failure
from shunpike.routing.performance import timing_of
from shunpike.routing.retry_budget import back_off
from shunpike.routing.run import CANCELLED, RequestRun
from shunpike.routing.schedule import Spent
from shunpike.routing.trouble import Failure, Setback, is_trouble, named_moment
from shunpike.types import AttemptFailed, AttemptFinished, AttemptRecord, Cause, FallOverStep, Outcome, Verdict

SOONEST = 0.05
"""Seconds before a target that was closed is looked at again."""
_PAID_OUT = Spent("an answer that is billed was of no use, and fall_over.paid_again is off", Cause.POLICY)

_BROKEN_OFF = f"{CANCELLED}: it was asked, and broken off before its end"


class AttemptEnd:
    """Ends attempts. Each has one end: whoever comes second changes nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def begins_to_answer(self, attempt: Attempt) -> None:
        """Note the first content of a stream."""
        attempt.first_token_mono = self._services.clock.monotonic()
        self._services.health.answers(self._services.where(attempt.target), attempt.started_at)

    async def answered(self, run: RequestRun, attempt: Attempt, outcome: Outcome) -> None:
        """End an attempt that gave what was asked for."""
        services = self._services
        # Before it is booked, which tells others.
        services.health.succeeded(services.where(attempt.target), self._at_once(attempt), attempt.started_at)
        services.retries.answered(attempt.target.label)
        self._stays(run, attempt.target)
        record = await self._book(run, attempt, outcome, None)
        if record is None:
            return
        services.performance.answered(timing_of(attempt.target.label, attempt.ask, outcome, record.usage))
        run.recorder.note(attempt.target, Verdict.ANSWERED)
        run.recorder.leave(run.schedule.untried(services.clock.monotonic()))
        self._tell(AttemptFinished, run, record)

    def _stays(self, run: RequestRun, target: Target) -> None:
        """Note where a turn of a conversation was answered, and what it lost if that is another place."""
        services, context = self._services, run.context
        planned = context.plan.conversation
        told = services.conversations.answered(planned, target, services.clock.monotonic())
        lost = loss(planned, told, context.request, target)
        run.recorder.affinity = told
        run.recorder.warnings += [] if lost is None else [lost]

    async def failed(self, run: RequestRun, attempt: Attempt, error: Failure, outcome: Outcome | None = None) -> None:
        """End a failed attempt, and learn from it whom to ask next; ``outcome`` is of an answer that is none."""
        setback = self._learn(run, attempt, error)
        if outcome is None:
            outcome = failure(self._services, attempt, error, None if setback.transient else setback.closed_until)
        record = await self._book(run, attempt, outcome, error)
        if record is not None:
            self._tell(AttemptFailed, run, record, error=error.kind, status=error.status)

    async def returned(self, run: RequestRun, attempt: Attempt, bad: BadAnswer, outcome: Outcome) -> None:
        """End an attempt whose answer is ``bad`` and is given to the caller all the same, with a warning."""
        self._services.health.learn(self._services.where(attempt.target), bad, attempt.started_at)
        record = await self._book(run, attempt, outcome, bad)
        if record is None:
            return
        run.recorder.note(attempt.target, Verdict.ANSWERED, f"{bad.kind}: {bad.message}")
        run.recorder.leave(run.schedule.untried(self._services.clock.monotonic()))
        run.recorder.warnings.append(f"the answer may be of no use ({bad.kind}): {bad.message}")
        self._tell(AttemptFailed, run, record, error=bad.kind)

    async def broke_off(
        self, run: RequestRun, attempt: Attempt, error: BaseException, mark: KeptMark | None = None
    ) -> BaseException:
        """End an attempt out of which ``error`` came; return what it means: a failure, or what ended our own code."""
        if attempt.is_over:
            return error
        found = self._late(attempt, mark or KeptMark()) if isinstance(error, TimeoutError) else error
        if isinstance(found, ProviderError | PluginError):
            await self.failed(run, attempt, found)
        else:
            await self._without_failure(run, attempt, broken(self._services, attempt, error))
        return found

    async def switched_off(self, run: RequestRun, attempt: Attempt) -> str | None:
        """Return why its target was switched off since the plan was made: then it has ended, and nothing is sent."""
        why: str | None = "it could not be told whether it is switched on"
        try:
            why = await self.why_off(run, attempt.target)
        finally:
            if why is not None:
                outcome = Outcome(at=self._services.clock.now(), sent=False, error=Cause.DISABLED.value)
                await self._without_failure(run, attempt, outcome)
        return why

    async def refused_meanwhile(self, run: RequestRun, attempt: Attempt) -> None:
        """End an attempt whose key was refused while it was admitted: nothing is sent."""
        outcome = Outcome(at=self._services.clock.now(), sent=False, error=Cause.KEY.value)
        await self._without_failure(run, attempt, outcome)

    async def why_off(self, run: RequestRun, target: Target) -> str | None:
        """Return why ``target`` was switched off since the plan was made, None = it is on. Raises `StoreError`."""
        if self._services.why_off is None:
            return None
        return await answered(self._services.why_off(target), self._services.clock, run.left())

    async def left(self, run: RequestRun, attempt: Attempt) -> None:
        """End an attempt whose caller went away: perhaps to go on with what he had read of the answer."""
        if attempt.first_token_mono is not None and not attempt.is_over:
            self._stays(run, attempt.target)
        await self._without_failure(run, attempt, cancelled(self._services, attempt))

    async def _without_failure(self, run: RequestRun, attempt: Attempt, outcome: Outcome) -> None:
        if not attempt.is_over:
            self._services.health.leave(self._services.where(attempt.target))
        record = await self._book(run, attempt, outcome, None)
        if record is not None:
            if outcome.cancelled:
                run.recorder.note(attempt.target, Verdict.FAILED, _BROKEN_OFF)
            self._tell(AttemptFailed, run, record, error=record.error or CANCELLED)

    def _late(self, attempt: Attempt, mark: KeptMark) -> Failure:
        """Return the failure of an attempt that took longer than it may."""
        name = attempt.target.name
        if attempt.first_token_mono is None and attempt.time is not None:
            return mark.on(Overloaded(attempt.time.over("no answer"), provider=name, kind="timeout"))
        took = self._services.clock.monotonic() - attempt.started_mono
        over = f"no end within {took:.1f} s, when the request's timeout had passed"
        return mark.on(Interrupted(over, provider=name, kind="timeout"))

    def _learn(self, run: RequestRun, attempt: Attempt, error: Failure) -> Setback:
        """Note a failure, for this request and for others; return what it closes."""
        services, target = self._services, attempt.target
        error.request_id = run.context.request_id
        if isinstance(error, ProviderError):
            fit_key_hint(error, target)
            error.provider = target.name
        setback = services.health.learn(
            services.where(target), error, attempt.started_at, self._at_once(attempt), attempt.started_mono
        )
        if target.paid and is_trouble(error) and error.billed is not False:
            # What may have been billed is not paid for twice.
            setback = setback._replace(closed_until=None, transient=False)
        run.recorder.failed(target, error, setback.opens_at)
        step = step_after(error, run.context.fall_over)
        opens_mono = self._until_mono(run, attempt, error, setback, step)
        if is_trouble(error) and not self._may_ask_again(run, target.label, opens_mono):
            step = FallOverStep.NEXT
        run.schedule.failed(target, setback, opens_mono, step)
        if ends_paying(error, paid=target.paid, table=run.context.fall_over):
            run.schedule.pay_no_more(_PAID_OUT)
        return setback

    def _until_mono(
        self, run: RequestRun, attempt: Attempt, error: Failure, setback: Setback, step: FallOverStep
    ) -> float:
        """Return when this request may ask again where ``error`` came from; inf = not in this request."""
        services, label = self._services, attempt.target.label
        opens_mono = until_mono(services.clock, setback)
        if setback.transient or (step is FallOverStep.SAME and isinstance(error, BadAnswer)):
            pause = max(back_off(run.context.request_id, label, run.schedule.tries(attempt.target)), SOONEST)
            named = named_moment(error) or 0.0
            opens_mono = services.clock.monotonic() + max(pause, named - services.clock.now())
        return opens_mono

    def _may_ask_again(self, run: RequestRun, label: str, opens_mono: float) -> bool:
        """Note trouble; return whether the retry budget will let a request ask there again once it opens."""
        run.troubled.add(label)
        self._services.retries.failed(label)
        return self._services.retries.allows(label, opens_mono)

    def _at_once(self, attempt: Attempt) -> int:
        """Return how many attempts ran at its account, itself counted, where that is to be found; 0 = it is not.

        When it was admitted, or now: of several that begin together the last may be the first that is answered.
        """
        held = next((one for one in attempt.grant.remaining if one.limit.source == UNPUBLISHED), None)
        return 0 if held is None else max(held.used, self._services.queue.running(held.bucket))

    async def _book(
        self, run: RequestRun, attempt: Attempt, outcome: Outcome, error: Failure | None
    ) -> AttemptRecord | None:
        """Close the connection, then book, also where the caller is being cancelled; None where it had ended."""
        if attempt.is_over:
            return None
        attempt.is_over = True
        services = self._services
        closes, opens = services.health.news()
        if closes or opens:
            outcome = outcome.model_copy(update={"closes": closes, "opens": opens})
        if isinstance(error, BadAnswer):
            outcome = outcome.model_copy(update={"bad_answer": error.kind})
        if outcome.error is None and not outcome.cancelled:
            services.performance.usable.note(attempt.target.label, run.context.task, usable=outcome.bad_answer is None)
        with anyio.CancelScope(shield=True):
            try:
                await self._let_go(run, attempt)
            finally:
                services.performance.load.ended(attempt.target.label)
                booked = await services.admission.settle(attempt.target, attempt.ask, outcome, run.left())
        attempt.settlement = booked
        if booked.unbooked is None:
            services.health.booked(closes)
        else:
            run.recorder.warnings.append(
                f"its cost is booked once the ledger can be written, or held at its worst case if this process ends "
                f"first: {booked.unbooked}"
            )
        run.recorder.warnings += [one.reason for one in booked.blocks if one.is_freeze]
        record = attempt_record(services.clock, attempt, booked, outcome, error)
        run.recorder.attempts.append(record)
        run.held.pop(attempt.id, None)
        return record

    async def _let_go(self, run: RequestRun, attempt: Attempt) -> None:
        """Close the connection. How a backend lets go of what it gave is nobody's failure but its own."""
        connection, attempt.connection = attempt.connection, None
        if connection is None:
            return
        plugin = self._services.plugin(attempt.target)
        try:
            with blaming(plugin, "closing its stream"):
                await let_go(connection.aclose, self._services.clock)
        except (ShunpikeError, TimeoutError) as odd:
            slow = "closing its stream took too long, it was left"
            what = slow if isinstance(odd, TimeoutError) else in_words(odd)
            told = odd.message if isinstance(odd, PluginError) else f"plugin {plugin!r}: {what}"
            run.recorder.warnings.append(told)

    def _tell(
        self,
        kind: type[AttemptFinished | AttemptFailed],
        run: RequestRun,
        record: AttemptRecord,
        **facts: str | int | None,
    ) -> None:
        self._services.tell(
            kind,
            request_id=run.context.request_id,
            attempt_id=record.id,
            provider=record.provider,
            model=record.model,
            seconds=record.seconds,
            first_token_seconds=record.first_token_seconds,
            state=record.state,
            cost=record.cost,
            usage=record.usage,
            **facts,
        )


def until_mono(clock: Clock, setback: Setback) -> float:
    """Return until when it closes, not so near that looking again would be a busy loop; inf = for the whole request.

    Only trouble and limits are waited for: a key or a credit is mended by a person.
    """
    if setback.closed_until is None or setback.cause not in (Cause.TROUBLE, Cause.QUOTA):
        return float("inf")
    return max(setback.closed_until - clock.now(), SOONEST) + clock.monotonic()
