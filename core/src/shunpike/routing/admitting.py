"""The step before an attempt: the ledger's word on it, and the call that is then made."""

from __future__ import annotations

from shunpike.patience import answered
from shunpike.protocols import AdmissionRequest, Target
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.types import Call, Candidate, Event, EventName, Grant

UNKNOWN_MAXIMUM = 4_096
"""The output cap for a model of which neither maximum nor context is known: most have room for it."""
TEMPLATE = 256
"""Tokens that a provider's template may put around a prompt."""


class Admitting:
    """Asks the ledger for one attempt at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def admit(self, context: RequestContext, recorder: DecisionRecorder, target: Target) -> Attempt | Candidate:
        """Return an admitted attempt at ``target``, or the note of why not.

        Raises `StoreError`, also where the ledger does not answer before the request's end.
        """
        services = self._services
        problem = services.problem(target)
        if problem is not None:
            return recorder.unusable(target, problem)
        number = len(recorder.attempts) + recorder.returned + 1
        ask, call = self._prepare(context, target, f"{context.request_id}-{number}")
        left = max(context.expires - services.clock.monotonic(), 0.0)
        verdict = await answered(services.admission.admit(target, ask), services.clock, left)
        if not isinstance(verdict, Grant):
            recorder.returned += verdict.returned
            tell(services, EventName.ADMISSION_REFUSED, target, limit=verdict.limit.text)
            return recorder.refused(target, verdict)
        recorder.remaining = verdict.remaining
        if verdict.max_output is not None:
            ask = ask.model_copy(update={"max_output": verdict.max_output, "min_output": None})
            call = call.model_copy(update={"max_output": verdict.max_output})
            if verdict.capped_by:
                recorder.notes.append(f"output capped at {verdict.max_output:,} tokens by the {verdict.capped_by}")
        tell(services, EventName.ATTEMPT_STARTED, target, attempt=ask.attempt_id)
        return Attempt(target, ask, call, verdict, services.clock.now(), services.clock.monotonic())

    def _prepare(self, context: RequestContext, target: Target, attempt_id: str) -> tuple[AdmissionRequest, Call]:
        tokens, embeds = context.tokens(target), target.model.kind == "embedding"
        cap, least = _hard_cap(context, target, tokens) or _open_cap(context, target, tokens)
        clock = self._services.clock
        left = max(context.expires - clock.monotonic(), 0.0)
        ask = AdmissionRequest(
            attempt_id=attempt_id,
            request_id=context.request_id,
            prompt_tokens=tokens,
            prompt_bound=context.prompt_bound,
            # Vectors are no output: nothing beside the prompt is counted or billed.
            max_output=0 if embeds else cap,
            min_output=None if embeds else least,
            choices=context.request.n or 1,
            price=self._services.price(target, context.prompt_bound, context.request.service_tier, left),
            tag=context.tag,
            claim=context.claim,
            arrival=context.waiter.place.arrival,
            waits_until=clock.now() + left if context.waits else None,
        )
        call = Call(
            request=context.request,
            model=target.model.id,
            max_output=cap,
            attempt_id=attempt_id,
            timeouts=self._services.timeouts(target).within(left),
            strict=context.strict,
        )
        return ask, call


def tell(services: Services, name: EventName, target: Target, **facts: str | int | None) -> None:
    """Emit an event about ``target``."""
    known = {"provider": target.name, "model": target.model.id, **facts}
    services.emit(Event(name=name, at=services.clock.now(), facts=known))


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
