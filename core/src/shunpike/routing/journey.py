"""The record that is kept while a plan is walked, and the error when it ends nowhere."""

from __future__ import annotations

from shunpike.clock import moment
from shunpike.errors import Exhausted, ProviderError, UsageError
from shunpike.protocols import Target
from shunpike.routing.plan import Plan
from shunpike.types import Attempt, Candidate, Decision, Refusal, Remaining, Verdict

_SHOWN = 12
_TELLING = (Verdict.FAILED, Verdict.REFUSED, Verdict.DROPPED, Verdict.ANSWERED)
"""What was tried says more than what was not."""


class Journey:
    """Who was considered, what was tried, what came of it. One per request."""

    def __init__(self, requested_model: str, plan: Plan) -> None:
        self.requested_model = requested_model
        self.plan = plan
        self._candidates: dict[str, Candidate] = {}
        self._errors: list[ProviderError] = []
        self.attempts: list[Attempt] = []
        self.remaining: tuple[Remaining, ...] = ()
        self.notes: list[str] = []

    def note(self, target: Target, verdict: Verdict, reason: str = "", retry_at: float | None = None) -> None:
        """Say what became of ``target``."""
        self._candidates[target.label] = Candidate(
            provider=target.name, model=target.model.id, verdict=verdict, reason=reason, retry_at=retry_at
        )

    def refused(self, target: Target, refusal: Refusal) -> None:
        """A limit or budget closed ``target``; nothing was sent."""
        limit = refusal.limit
        if limit.amount == 0 and limit.source:
            # A wall or a closed gate, not a limit: its source says in words what closed it.
            reason = limit.source
        elif refusal.impossible:
            reason = f"too large for the limit {limit.text}"
            if refusal.fits:
                reason += f": lower max_tokens to {refusal.fits:,}"
        else:
            reason = f"limit {limit.text}"
        self.note(target, Verdict.REFUSED, reason, None if refusal.impossible else refusal.retry_at)

    def failed(self, target: Target, error: ProviderError) -> None:
        """An attempt at ``target`` failed."""
        retry_at = getattr(error, "retry_at", None) or getattr(error, "reset_at", None)
        # The message of an HTTP provider begins with its name and status already.
        status = f"{error.status} " if error.status and f"({error.status})" not in error.message else ""
        self.note(target, Verdict.FAILED, f"{status}{error.kind}: {error.message}", retry_at)
        self._errors.append(error)

    def decision(self) -> Decision:
        """Return the record as it stands."""
        unused = (
            Candidate(provider=target.name, model=target.model.id, verdict=Verdict.UNUSED)
            for target in self.plan.targets
            if target.label not in self._candidates
        )
        return Decision(
            requested_model=self.requested_model,
            strategy=self.plan.strategy,
            candidates=(*self._candidates.values(), *unused, *self.plan.dropped),
            attempts=tuple(self.attempts),
            remaining=self.remaining,
            notes=tuple(self.notes),
        )

    def exhausted(self, request_id: str, why: str = "") -> Exhausted:
        """Return the error that lists every candidate, what blocks it and when it opens."""
        decision = self.decision()
        relevant = [one for one in decision.candidates if one.verdict is not Verdict.UNUSED]
        relevant.sort(key=lambda one: _TELLING.index(one.verdict))
        lines = [f"       {line}" for line in _lines(relevant)]
        moments = [one.retry_at for one in relevant if one.retry_at is not None]
        error = Exhausted(
            "\n".join([f"no provider can answer right now{why}", *lines]),
            decision=decision,
            retry_at=min(moments, default=None),
            hint=_hint(relevant, self._errors),
        )
        error.request_id = request_id
        return error


def _lines(candidates: list[Candidate]) -> list[str]:
    """One line for each reason at each provider, not one for each of its models."""
    groups: dict[tuple[str, str, float | None], list[str]] = {}
    for one in candidates:
        groups.setdefault((one.provider, one.reason, one.retry_at), []).append(one.model)
    lines = [_line(provider, models, reason, at) for (provider, reason, at), models in groups.items()]
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"… and {len(lines) - _SHOWN} more"]


def _line(provider: str, models: list[str], reason: str, retry_at: float | None) -> str:
    who = f"{provider} ({len(models)} models)" if len(models) > 1 else f"{provider}/{models[0]}"
    when = f"   free again {moment(retry_at):%Y-%m-%d %H:%M:%S} UTC" if retry_at else ""
    return f"{who.removesuffix('/*')}   {reason}{when}"


def _hint(candidates: list[Candidate], errors: list[ProviderError]) -> str:
    for error in errors:
        if error.hint:
            return error.hint
    if any("allow_paid" in one.reason for one in candidates):
        return "to allow money, set allow_paid = true and a budget in shunpike.toml   ·   or name a free model"
    if any(one.retry_at for one in candidates):
        return "try again at the moment named above   ·   or add a provider: shunpike keys set NAME"
    return "see what is set up: shunpike doctor"


def too_large(plan: Plan, prompt_tokens: int) -> UsageError | None:
    """Return the error when the prompt's size alone closed every candidate."""
    reasons = [one.reason for one in plan.dropped if one.reason.startswith("context too small")]
    others = [one for one in plan.dropped if one.model != "*" and one.reason not in reasons]
    if plan.targets or others or not reasons:
        return None
    widest = max(int(reason.split()[3].replace(",", "")) for reason in reasons)
    return UsageError(
        f"the prompt takes about {prompt_tokens:,} tokens, more than the widest context of any candidate: {widest:,}",
        hint="shorten the prompt, or name a model with a larger context: shunpike models",
    )
