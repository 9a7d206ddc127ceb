"""Walking a plan: admit, send, settle, judge, next.

Retries, fall-over and waiting live here and share one budget of attempts and time. After the first content has left,
a stream is never retried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio

from shunpike.errors import BadAnswer, Overloaded, ProviderError
from shunpike.protocols import Ask, Target
from shunpike.routing.endings import attempt_record, broken, failure, success
from shunpike.routing.journey import Journey
from shunpike.routing.judge import judge
from shunpike.routing.route import Route, Services, Try
from shunpike.routing.send import send
from shunpike.types import Answer, Call, Ending, Event, EventName, Grant, Settlement, Verdict

T = TypeVar("T")


@dataclass(frozen=True)
class Errand(Generic[T]):
    """What an attempt sends, what is wrong with what came back, and what to tell the ledger of it."""

    send: Callable[[Try], Awaitable[T]]
    judge: Callable[[T, Try], BadAnswer | None]
    ending: Callable[[T, Try], Ending]


class Attempts:
    """Walks plans."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def complete(self, route: Route) -> tuple[Answer, Try, Journey]:
        """Return the first good answer. Raises `RequestError` at once, else `Exhausted` when the plan is used up."""
        services = self._services
        journey = Journey(route.request.model, route.plan)
        errand = Errand[Answer](
            send=lambda attempt: send(
                services.ready(attempt.target), attempt.call, attempt.grant, services.clock, route.expires
            ),
            judge=lambda answer, attempt: judge(answer, route.request, attempt.target),
            ending=lambda answer, attempt: success(services, attempt, answer),
        )
        answer, attempt = await self.walk(route, journey, errand)
        return answer, attempt, journey

    async def walk(self, route: Route, journey: Journey, errand: Errand[T]) -> tuple[T, Try]:
        """Return what the first target gave that did ``errand`` well. Raises as `complete` does."""
        for target in route.plan.targets:
            attempt = await self.admit(route, journey, target)
            if attempt is None:
                continue
            try:
                answer = await self._once(route, journey, attempt, errand)
            except ProviderError as error:
                self.after_failure(route, journey, attempt, error)
                continue
            self.after_success(journey, attempt)
            return answer, attempt
        raise journey.exhausted(route.request_id)

    async def _once(self, route: Route, journey: Journey, attempt: Try, errand: Errand[T]) -> T:
        services = self._services
        left = route.expires - services.clock.monotonic()
        try:
            with anyio.fail_after(max(left, 0.0)):
                answer = await errand.send(attempt)
            bad = errand.judge(answer, attempt)
            await self.settle(journey, attempt, errand.ending(answer, attempt), bad)
        except TimeoutError:
            error = Overloaded("no answer within the deadline", provider=attempt.target.name, kind="timeout")
            await self.settle(journey, attempt, failure(services, attempt, error), error)
            raise error from None
        except ProviderError as error:
            await self.settle(journey, attempt, failure(services, attempt, error), error)
            raise
        except BaseException as error:
            await self.settle(journey, attempt, broken(services, attempt, error), None)
            raise
        if bad is not None:
            raise bad
        return answer

    async def admit(self, route: Route, journey: Journey, target: Target) -> Try | None:
        """Return an admitted attempt at ``target``, or None after noting why not."""
        services = self._services
        if len(journey.attempts) >= route.max_attempts or services.clock.monotonic() >= route.expires:
            journey.note(target, Verdict.UNUSED, "the request's budget of attempts or time is used up")
            return None
        closed = services.memory.closed(target)
        if closed is not None:
            journey.note(target, Verdict.REFUSED, closed[1], closed[0])
            return None
        number = len(journey.attempts) + 1
        ask, call = self._prepare(route, target, f"{route.request_id}-{number}")
        verdict = await services.admission.admit(target, ask)
        if not isinstance(verdict, Grant):
            journey.refused(target, verdict)
            self._tell(EventName.ADMISSION_REFUSED, target, limit=verdict.limit.text)
            return None
        journey.remaining = verdict.remaining
        self._tell(EventName.ATTEMPT_STARTED, target, attempt=ask.attempt_id)
        return Try(target, ask, call, verdict, services.clock.now(), services.clock.monotonic())

    def _prepare(self, route: Route, target: Target, attempt_id: str) -> tuple[Ask, Call]:
        cap, tokens = route.request.output_cap or route.default_max_output, route.tokens(target)
        for bound in (target.model.max_output, _room(target, tokens)):
            cap = cap if bound is None else min(cap, bound)
        cap = max(cap, 1)
        ask = Ask(
            attempt_id=attempt_id,
            request_id=route.request_id,
            prompt_tokens=tokens,
            prompt_bound=route.prompt_bound,
            # Vectors are no output: nothing beside the prompt is counted or billed.
            max_output=0 if target.model.kind == "embedding" else cap,
            choices=route.request.n or 1,
            price=self._services.price(target, route.prompt_bound, route.request.service_tier),
            tag=route.tag,
            claim=route.claim,
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

    async def settle(self, journey: Journey, attempt: Try, ending: Ending, error: ProviderError | None) -> Settlement:
        """Book the attempt's end, whatever happens around it, and add it to the record."""
        with anyio.CancelScope(shield=True):
            booked = await self._services.admission.settle(attempt.target, attempt.ask, ending)
        attempt.settlement = booked
        journey.attempts.append(attempt_record(self._services.clock, attempt, booked, ending, error))
        return booked

    def after_failure(self, route: Route, journey: Journey, attempt: Try, error: ProviderError) -> None:
        """Learn from a failure. Raises it when no other target can do better."""
        self.after_broken_stream(route, journey, attempt, error)
        if not error.elsewhere:
            raise error

    def after_broken_stream(self, route: Route, journey: Journey, attempt: Try, error: ProviderError) -> None:
        """Learn from a stream that broke after its first content: it can't be tried elsewhere."""
        error.request_id = route.request_id
        error.provider = attempt.target.name
        journey.failed(attempt.target, error)
        self._services.memory.learn(attempt.target, error)
        self._tell(EventName.ATTEMPT_FAILED, attempt.target, error=error.kind, status=error.status)

    def after_success(self, journey: Journey, attempt: Try) -> None:
        """Note who answered."""
        journey.note(attempt.target, Verdict.ANSWERED)
        self._services.memory.succeeded(attempt.target)
        self._tell(EventName.ATTEMPT_FINISHED, attempt.target, attempt=attempt.ask.attempt_id)

    def _tell(self, name: EventName, target: Target, **facts: str | int | None) -> None:
        known = {"provider": target.name, "model": target.model.id, **facts}
        self._services.emit(Event(name=name, at=self._services.clock.now(), facts=known))


def _room(target: Target, prompt_tokens: int) -> int | None:
    context = target.model.context
    return None if context is None else max(context - prompt_tokens, 1)
