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
from shunpike.routing.admitting import Admitting, tell
from shunpike.routing.endings import attempt_record, broken, failure, success
from shunpike.routing.journey import Journey
from shunpike.routing.judge import judge
from shunpike.routing.route import Route, Services, Try
from shunpike.routing.send import send
from shunpike.types import Answer, Ending, EventName, Settlement, Verdict

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
        self.admitting = Admitting(services)

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
            attempt = await self.admitting.admit(route, journey, target)
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
        tell(self._services, EventName.ATTEMPT_FAILED, attempt.target, error=error.kind, status=error.status)

    def after_success(self, journey: Journey, attempt: Try) -> None:
        """Note who answered."""
        journey.note(attempt.target, Verdict.ANSWERED)
        self._services.memory.succeeded(attempt.target)
        tell(self._services, EventName.ATTEMPT_FINISHED, attempt.target, attempt=attempt.ask.attempt_id)
