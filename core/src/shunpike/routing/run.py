"""One request on its way through its plan: what all of its attempts share, and its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shunpike.clock import Clock
from shunpike.errors import AttemptExists, Exhausted, PluginError, ProviderError, ShunpikeError, StoreError
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.schedule import Bounds, Schedule
from shunpike.routing.trouble import TroublePlace
from shunpike.routing.waiting import Waiting
from shunpike.types import (
    ZERO,
    Decision,
    Money,
    RequestExhausted,
    RequestFailed,
    RequestFinished,
    RequestOutcome,
    RequestStarted,
)

CANCELLED = "cancelled"
"""The kind of an end that the caller made."""
EXHAUSTED = "exhausted"
"""The kind of an end at which every candidate was closed."""


@dataclass(eq=False)
class RequestRun:
    """One request that has its plan. Several of its attempts may be in flight at a time."""

    services: Services
    context: RequestContext
    recorder: DecisionRecorder
    schedule: Schedule
    waiting: Waiting
    started_mono: float
    admitted: int = 0
    """How many of its attempts are in the ledger, be they given back."""
    troubled: set[str] = field(default_factory=set)
    """Labels of the targets that were in trouble when it asked them: to ask them again is a retry."""
    shed: set[str] = field(default_factory=set)
    """Labels of the targets at which it was drawn whether it is shed: that is drawn once."""
    held: dict[str, Money] = field(default_factory=dict)
    """Attempt → the most that it can cost, of those that run."""
    _over: bool = False

    @classmethod
    def begin(cls, services: Services, context: RequestContext) -> RequestRun:
        """Return the run of a request that has not asked anybody, and tell that it started."""
        recorder = DecisionRecorder(context.request.model, context.plan, context.user, begun(context, services.clock))
        bounds = Bounds(context.max_attempts, context.expires_mono, context.waits)
        run = cls(
            services=services,
            context=context,
            recorder=recorder,
            schedule=Schedule(context.plan.targets, services.where, bounds),
            waiting=Waiting(services, context, recorder),
            started_mono=services.clock.monotonic(),
        )
        services.tell(
            RequestStarted,
            request_id=context.request_id,
            model=context.request.model,
            kind=context.request.kind,
            priority=context.priority,
            tag=context.tag,
            user=context.user,
            candidates=len(context.plan.targets),
        )
        return run

    def attempt_id(self) -> str:
        """Return the id of the next attempt that is admitted, whoever asks: the ledger admits each id once.

        So two processes that ask a request of one id at once can't both be granted its next attempt.
        """
        return f"{self.context.request_id}-{self.context.first_attempt + self.admitted}"

    def places(self) -> Iterator[TroublePlace]:
        """Yield all that could answer it, by what they share with others."""
        return map(self.services.where, self.context.plan.targets)

    def left(self) -> float:
        """Return the seconds that the request has left, never below zero."""
        return max(self.context.expires_mono - self.services.clock.monotonic(), 0.0)

    def to_spend(self) -> Money | None:
        """Return what is left of what the request may cost, None where it names nothing."""
        most = self.context.max_cost
        if most is None:
            return None
        left = most - self.recorder.cost - sum(self.held.values(), ZERO)
        return max(ZERO, left)

    def finished(self, attempt: Attempt, warnings: Sequence[str]) -> None:
        """Tell that ``attempt`` answered the request; ``warnings`` are of its answer."""
        target, booked = attempt.target, attempt.settlement
        self.recorder.warnings += warnings
        served = target.model.id if booked is None else booked.served_model or target.model.id
        self._keep(RequestOutcome.ANSWERED, provider=target.name, served_model=served)
        self._end(RequestFinished, provider=target.name, model=target.model.id)

    def failed(self, error: BaseException) -> None:
        """Tell that the request ended without an answer."""
        kind = kind_of(error)
        if isinstance(error, Exhausted):
            kept = self._keep(RequestOutcome.EXHAUSTED, error=EXHAUSTED, retry_at=error.retry_at)
            error.decision = kept or error.decision
            self._end(RequestExhausted, retry_at=error.retry_at)
        else:
            self._keep(RequestOutcome.CANCELLED if kind == CANCELLED else RequestOutcome.FAILED, error=kind)
            self._end(RequestFailed, error=kind)

    def cancelled(self) -> None:
        """Tell that the caller went away."""
        self._keep(RequestOutcome.CANCELLED, error=CANCELLED)
        self._end(RequestFailed, error=CANCELLED)

    def _keep(self, how: RequestOutcome, **facts: object) -> Decision | None:
        """Let the record be kept, once; return it."""
        if self._over:
            return None
        seconds = self.services.clock.monotonic() - self.started_mono
        decision = self.recorder.over(ended=how, seconds=seconds, **facts)
        if self.services.keep is not None:
            self.services.keep(decision)
        return decision

    def _end(self, kind: type[RequestFinished | RequestExhausted | RequestFailed], **facts: object) -> None:
        """Tell it once: the first word on the end of a request is the last."""
        if self._over:
            return
        self._over = True
        self.services.tell(
            kind,
            request_id=self.context.request_id,
            seconds=self.services.clock.monotonic() - self.started_mono,
            attempts=len(self.recorder.attempts),
            cost=self.recorder.cost,
            usage=self.recorder.usage,
            **facts,
        )


def begun(context: RequestContext, clock: Clock) -> dict[str, object]:
    """Return what is known of a request from its beginning, as it stands in the record of its decision."""
    return {
        "request_id": context.request_id,
        "began_at": clock.now(),
        "kind": context.request.kind,
        "prompt_tokens": context.prompt_tokens,
        "strict": context.strict,
        "priority": context.priority,
        "tag": context.tag,
        "principal": None if context.principal is None else context.principal.id,
    }


def kind_of(error: BaseException) -> str:
    """Return the kind of a failure as events name it."""
    match error:
        case ProviderError() | PluginError():
            return error.kind
        case AttemptExists():
            return "duplicate"
        case StoreError():
            return "store"
        case ShunpikeError():
            return "setup"
        case Exception():
            return "internal"
        case _:
            return CANCELLED
