"""The step before an attempt: the ledger's word on it, and the call that is then made."""

from __future__ import annotations

from contextlib import suppress
from math import inf

from shunpike.errors import StoreError
from shunpike.patience import answered
from shunpike.protocols import AdmissionRequest, Target
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.run import RequestRun
from shunpike.types import AdmissionDenied, AttemptStarted, Candidate, Denial, Grant

UNKNOWN_MAXIMUM = 4_096
"""The output cap for a model of which neither maximum nor context is known: most have room for it."""
LOOK_FOR = 2.0
"""Seconds that looks at the ledger may take at the end of a request, all together, beside all else."""
TEMPLATE = 256
"""Tokens that a provider's template may put around a prompt."""


class Admitting:
    """Asks the ledger for one attempt at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def admit(self, run: RequestRun, target: Target) -> Attempt | Candidate:
        """Return an admitted attempt at ``target``, or the note of why not.

        Raises `StoreError`, also where the ledger does not answer before the request's end.
        """
        services, recorder = self._services, run.recorder
        problem = services.problem(target)
        if problem is not None:
            return recorder.unusable(target, problem)
        ask = self._ask(run, target)
        asked_mono = services.clock.monotonic()
        verdict = await answered(services.admission.admit(target, ask), services.clock, run.left())
        if isinstance(verdict, Grant) or verdict.returned:
            run.admitted += 1
        if not isinstance(verdict, Grant):
            return self._denied(run, target, ask, verdict)
        attempt = self._attempt(run, target, ask, verdict)
        services.performance.load.began(target.label)
        run.held[attempt.id] = verdict.worst
        attempt.admit_seconds = attempt.started_mono - asked_mono
        recorder.remaining = verdict.remaining
        if verdict.max_output is not None and verdict.capped_by:
            recorder.notes.append(f"output capped at {verdict.max_output:,} tokens by the {verdict.capped_by}")
        facts = {"provider": target.name, "model": target.model.id, "attempt_id": ask.attempt_id}
        services.tell(AttemptStarted, request_id=ask.request_id, **facts)
        return attempt

    async def foresee(self, run: RequestRun) -> None:
        """Look, at the end of a request, which limits keep closed for longer what is closed for another reason.

        So that the moment that its caller is told is the one at which it can be answered. A ledger that can't tell now
        changes nothing.
        """
        services, clock = self._services, self._services.clock
        now, until_mono = clock.now(), clock.monotonic() + LOOK_FOR
        with suppress(StoreError):
            for target in run.recorder.closed_for_a_time():
                look = services.admission.foresee(target, self._ask(run, target))
                denial = await answered(look, clock, max(until_mono - clock.monotonic(), 0.0))
                if denial is not None and (denial.retry_at is None or denial.retry_at > now):
                    run.recorder.closed_for_longer(target, denial)

    def _denied(self, run: RequestRun, target: Target, ask: AdmissionRequest, denial: Denial) -> Candidate:
        noted = run.recorder.denied(target, denial)
        self._services.tell(
            AdmissionDenied,
            request_id=ask.request_id,
            attempt_id=ask.attempt_id,
            provider=target.name,
            model=target.model.id,
            by=denial.by,
            cause=noted.cause,
            limit=denial.text,
            retry_at=denial.retry_at,
        )
        return noted

    def _attempt(self, run: RequestRun, target: Target, ask: AdmissionRequest, grant: Grant) -> Attempt:
        if grant.max_output is not None:
            ask = ask.model_copy(update={"max_output": grant.max_output, "min_output": None})
        clock = self._services.clock
        return Attempt(
            target=target,
            ask=ask,
            grant=grant,
            request=run.context.request,
            max_output=max(ask.max_output, 1),
            timeouts=self._services.timeouts(target).within(run.left()),
            started_at=clock.now(),
            started_mono=clock.monotonic(),
        )

    def _ask(self, run: RequestRun, target: Target) -> AdmissionRequest:
        now_mono, left = self._services.clock.monotonic(), run.to_spend()
        patience = run.waiting.until_mono(now_mono) - now_mono
        ask = ask_for(self._services, run.context, target, run.attempt_id(), run.left(), patience)
        return ask if left is None else ask.model_copy(update={"max_cost": left})


def ask_for(
    services: Services,
    context: RequestContext,
    target: Target,
    attempt_id: str,
    left: float,
    patience: float = inf,
) -> AdmissionRequest:
    """Return what the ledger is asked for an attempt at ``target`` of a request that has ``left`` seconds.

    It waits for an opening no longer than its ``patience``, in seconds.
    """
    request, tokens = context.request, context.tokens(target)
    # Vectors are no output: nothing beside the prompt is counted or billed.
    cap, least = (
        (0, None)
        if request.kind == "embedding"
        else _hard_cap(context, target, tokens) or _open_cap(context, target, tokens)
    )
    return AdmissionRequest.model_construct(
        attempt_id=attempt_id,
        request_id=context.request_id,
        prompt_tokens=tokens,
        prompt_bound=context.prompt_bound,
        max_output=cap,
        min_output=least,
        choices=request.choices,
        price=services.price(target, context.prompt_bound, request.service_tier, left),
        tag=context.tag,
        principal=context.principal,
        priority=context.priority,
        max_cost=context.max_cost,
        concurrency=services.health.capacity.concurrency(services.where(target), guess=_may_be_guessed(context)),
        arrival=context.waiter.place.arrival,
        waits_until=services.clock.now() + min(left, patience) if context.waits else None,
    )


def _may_be_guessed(context: RequestContext) -> bool:
    """Whether a mere guess of how many calls run at a time may hold a request back: not to have it pay, or fail."""
    # What costs money comes last in every plan.
    return context.waits and not context.plan.targets[-1].paid


def _hard_cap(context: RequestContext, target: Target, prompt_tokens: int) -> tuple[int, None] | None:
    """Return the cap that the request names, as far as the model can follow it; None where it names none."""
    cap, model = context.request.output_cap, target.model
    if cap is None:
        return None
    room = None if model.context is None else model.context - prompt_tokens
    return max(min(bound for bound in (cap, model.max_output, room) if bound is not None), 1), None


def _open_cap(context: RequestContext, target: Target, prompt_tokens: int) -> tuple[int, int]:
    """Return the most and the least that an answer may take whose cap the request leaves open.

    Where the prompt's tokens are only estimated, a cap that fills the context to its end would be refused.
    """
    model, least = target.model, context.min_output
    most = UNKNOWN_MAXIMUM if model.max_output is None else model.max_output
    if model.context is not None:
        room = model.context - prompt_tokens
        safe = max(room - prompt_tokens // 4 - TEMPLATE, min(least, room))
        most = safe if model.max_output is None else min(safe, model.max_output)
    most = max(most, 1)
    return most, min(least, most)
