"""The step before an attempt: the ledger's word on it, and the call that is then made."""

from __future__ import annotations

from shunpike.protocols import Ask, Target
from shunpike.routing.journey import Journey
from shunpike.routing.route import Route, Services, Try
from shunpike.types import Call, Candidate, Event, EventName, Grant


class Admitting:
    """Asks the ledger for one attempt at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def admit(self, route: Route, journey: Journey, target: Target) -> Try | Candidate:
        """Return an admitted attempt at ``target``, or the note of why not."""
        services = self._services
        problem = services.problem(target)
        if problem is not None:
            return journey.unusable(target, problem)
        number = len(journey.attempts) + 1
        ask, call = self._prepare(route, target, f"{route.request_id}-{number}")
        verdict = await services.admission.admit(target, ask)
        if not isinstance(verdict, Grant):
            tell(services, EventName.ADMISSION_REFUSED, target, limit=verdict.limit.text)
            return journey.refused(target, verdict)
        journey.remaining = verdict.remaining
        tell(services, EventName.ATTEMPT_STARTED, target, attempt=ask.attempt_id)
        return Try(target, ask, call, verdict, services.clock.now(), services.clock.monotonic())

    def _prepare(self, route: Route, target: Target, attempt_id: str) -> tuple[Ask, Call]:
        cap, tokens = route.request.output_cap or route.default_max_output, route.tokens(target)
        for bound in (target.model.max_output, _room(target, tokens)):
            cap = cap if bound is None else min(cap, bound)
        cap = max(cap, 1)
        left = max(route.expires - self._services.clock.monotonic(), 0.0)
        ask = Ask(
            attempt_id=attempt_id,
            request_id=route.request_id,
            prompt_tokens=tokens,
            prompt_bound=route.prompt_bound,
            # Vectors are no output: nothing beside the prompt is counted or billed.
            max_output=0 if target.model.kind == "embedding" else cap,
            choices=route.request.n or 1,
            price=self._services.price(target, route.prompt_bound, route.request.service_tier, left),
            tag=route.tag,
            claim=route.claim,
            arrival=route.waiter.place.arrival,
        )
        call = Call(
            request=route.request,
            model=target.model.id,
            max_output=cap,
            attempt_id=attempt_id,
            timeouts=self._services.timeouts(target),
            strict=route.strict,
        )
        return ask, call


def tell(services: Services, name: EventName, target: Target, **facts: str | int | None) -> None:
    """Emit an event about ``target``."""
    known = {"provider": target.name, "model": target.model.id, **facts}
    services.emit(Event(name=name, at=services.clock.now(), facts=known))


def _room(target: Target, prompt_tokens: int) -> int | None:
    context = target.model.context
    return None if context is None else max(context - prompt_tokens, 1)
