"""The record that is kept while a plan is walked, and the error when it ends nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from typing import Any

from shunpike.clock import moment, when
from shunpike.errors import Exhausted, NoCredential, PluginError, PromptTooLarge, ShunpikeError
from shunpike.masking import masked
from shunpike.protocols import Ranked, Target
from shunpike.protocols.admission import MAX_COST
from shunpike.protocols.target import key_hint
from shunpike.routing.candidate_lines import lines_of
from shunpike.routing.denied import candidate_of
from shunpike.routing.hints import Told, hint_for
from shunpike.routing.plan import Plan
from shunpike.routing.schedule import Spent
from shunpike.routing.trouble import Failure, Setback, TroubleScope
from shunpike.types import (
    ABSENT,
    ZERO,
    AttemptRecord,
    Basis,
    Candidate,
    Cause,
    Decision,
    Denial,
    DenialCause,
    DeniedBy,
    Money,
    Remaining,
    Usage,
    Verdict,
)
from shunpike.types.base import changed

_TELLING = (Verdict.FAILED, Verdict.DENIED, Verdict.UNUSED, Verdict.DROPPED, Verdict.ANSWERED)
"""What was tried says more than what was not."""
_UNRANKED: tuple[None, None] = (None, None)


class DecisionRecorder:
    """Who was considered, what was tried, what came of it. One per request."""

    def __init__(
        self, requested_model: str, plan: Plan, user: str | None = None, facts: Mapping[str, Any] | None = None
    ) -> None:
        self.requested_model = requested_model
        self._user = user
        self.facts: dict[str, Any] = dict(facts or {})
        """Field → value of the record that is known beside candidates and attempts."""
        self._over: Decision | None = None
        self.plan = plan
        self._candidates: dict[str, Candidate] = {}
        self.denials: dict[str, tuple[Target, Denial]] = {}
        """Label → the denial that stands now."""
        self._waits: dict[str, float] = {}
        self._errors: list[ShunpikeError] = []
        self._told: list[Told] = []
        self._kept_away: dict[str, Told] = {}
        """Label → what was learned earlier and closes it, until a limit says more."""
        self._unusable: dict[str, ShunpikeError] = {}
        self.attempts: list[AttemptRecord] = []
        self.remaining: tuple[Remaining, ...] = ()
        self.affinity = plan.conversation.told
        """Whether the request stayed where its conversation ran, by the attempt that answered once one has."""
        self.notes: list[str] = []
        self.warnings: list[str] = []
        """What the caller should know of an answer beside what its provider warns of."""

    def note(
        self,
        target: Target,
        verdict: Verdict,
        reason: str = "",
        retry_at: float | None = None,
        cause: Cause | None = None,
    ) -> Candidate:
        """Say what became of ``target``."""
        self.denials.pop(target.label, None)
        self._candidates[target.label] = noted = Candidate.model_construct(
            provider=target.name,
            model=target.model.id,
            verdict=verdict,
            reason=reason,
            retry_at=retry_at,
            cause=cause,
        )
        return noted

    def closed(self, target: Target, setback: Setback) -> None:
        """What was learned earlier closed ``target``; nothing was sent."""
        hint = setback.hint
        if hint is None and setback.scope is TroubleScope.KEY:
            # What another process found has no hint of its own.
            hint = key_hint(target.provider.env_key, target.name, target.key_origin)
        self._kept_away[target.label] = Told(target.name, setback.kind, hint)
        if target.label in self._candidates and setback.scope is not TroubleScope.MODEL:
            return  # It failed in this request, and how says more.
        self.note(target, Verdict.DENIED, _in_words(setback), setback.opens_at, setback.cause)

    def leave(self, untried: Iterable[tuple[Target, Setback | Spent | None]]) -> None:
        """Say why these were never asked, where there is more to say than that another answered first."""
        for target, why in untried:
            if isinstance(why, Setback) and why.scope is TroubleScope.KEY:
                self.closed(target, why)
            elif isinstance(why, Setback):
                self.note(target, Verdict.UNUSED, f"not tried: {why.in_trouble}")
            elif why is not None:
                self.note(target, Verdict.UNUSED, f"not tried: {why.text}", cause=why.cause)

    def denied(self, target: Target, denial: Denial) -> Candidate:
        """A limit or budget closed ``target``; nothing was sent."""
        known = self._candidates.get(target.label)
        self._kept_away.pop(target.label, None)
        self._candidates[target.label] = noted = candidate_of(target, denial)
        if known is not None and known.verdict is Verdict.FAILED:
            # What failed in this request says more than what keeps it from being asked again.
            self._candidates[target.label] = known
        self.denials[target.label] = target, denial
        return noted

    def closed_for_a_time(self) -> list[Target]:
        """Return what opens at a moment that is known, for another reason than what the ledger has denied."""
        noted = self._candidates
        waiting = [one for one in self.plan.targets if one.label in noted and one.label not in self.denials]
        return [one for one in waiting if noted[one.label].retry_at is not None]

    def closed_for_longer(self, target: Target, denial: Denial) -> None:
        """Note that ``denial`` keeps ``target`` closed, too, where that is for longer: its figures stand beside why."""
        known, found = self._candidates[target.label], candidate_of(target, denial)
        if known.retry_at is None or (found.retry_at is not None and found.retry_at <= known.retry_at):
            return
        update = {"retry_at": found.retry_at, "by": found.by, "evidence": found.evidence, "earliest": found.earliest}
        reason = f"{known.reason}; then the {found.reason}"
        self._candidates[target.label] = known.model_copy(update={**update, "reason": reason})

    def waited(self, target: Target, blocked: str, seconds: float) -> None:
        """Note that the request waited for what ``blocked`` it."""
        what = f"{target.name}: {blocked}"
        self._waits[what] = self._waits.get(what, 0.0) + seconds

    def unusable(self, target: Target, problem: ShunpikeError) -> Candidate:
        """Nothing can be sent to ``target`` as things are set up here, so nothing was held for it."""
        cause = Cause.KEY if isinstance(problem, NoCredential) else Cause.CONFIG
        self._errors.append(problem)
        self._told.append(Told(target.name, cause, problem.hint))
        self._unusable[target.label] = problem
        return self.note(target, Verdict.DROPPED, problem.message, cause=cause)

    def failed(self, target: Target, error: Failure, retry_at: float | None = None) -> None:
        """An attempt at ``target`` failed."""
        # The message of an HTTP provider begins with its name and status already.
        status = f"{error.status} " if error.status and f"({error.status})" not in error.message else ""
        self.note(target, Verdict.FAILED, f"{status}{error.kind}: {error.message}", retry_at)
        if isinstance(error, PluginError):
            error.attempted = True
        self._errors.append(error)
        self._told.append(Told(target.name, error.kind, error.hint))

    @property
    def cost(self) -> Money:
        """What all attempts cost, as the ledger booked them."""
        return sum((one.cost for one in self.attempts), ZERO)

    @property
    def usage(self) -> Usage:
        """The tokens of all attempts."""
        found = [one.usage for one in self.attempts if one.usage.basis is not Basis.ABSENT]
        return reduce(add, found) if found else ABSENT

    def decision(self) -> Decision:
        """Return the record as it stands, or as it stood when the request had ended."""
        if self._over is not None:
            return self._over
        return self._as_it_stands()

    def over(self, **facts: Any) -> Decision:
        """Return the record of a request that has ended, with what is known by then. It is not changed any more."""
        self.facts |= facts
        self._over = self._as_it_stands()
        return self._over

    def _as_it_stands(self) -> Decision:
        unused = [
            Candidate.model_construct(provider=target.name, model=target.model.id, verdict=Verdict.UNUSED)
            for target in self.plan.targets
            if target.label not in self._candidates
        ]
        candidates = (*self._candidates.values(), *unused)
        ranked = {(one.target.name, one.target.model.id): (rank, one) for rank, one in enumerate(self.plan.ranked, 1)}
        candidates = tuple(_with_rank(one, *ranked.get((one.provider, one.model), _UNRANKED)) for one in candidates)
        return Decision.model_construct(
            requested_model=self.requested_model,
            strategy=self.plan.strategy,
            user=self._user,
            alias=self.plan.alias,
            rule=self.plan.rule,
            affinity=self.affinity,
            candidates=(*candidates, *self.plan.dropped),
            attempts=tuple(self.attempts),
            remaining=self.remaining,
            notes=(*self.notes, *(f"waited {seconds:.1f} s for {what}" for what, seconds in self._waits.items())),
            warnings=tuple(self.warnings),
            **self.facts,
        )

    def exhausted(self, request_id: str, now: float, why: str = "") -> ShunpikeError:
        """Return the error that lists every candidate, what blocks it and when it opens, as of ``now`` (epoch seconds).

        Where one and the same mistake in the set-up closed all that could be asked, that mistake is the error.
        """
        mistake = self._mistake() or self._misbehaved()
        if mistake is not None:
            mistake.request_id = request_id
            return mistake
        decision = self.decision()
        relevant = [one for one in decision.candidates if one.verdict is not Verdict.UNUSED or one.reason]
        relevant.sort(key=lambda one: _TELLING.index(one.verdict))
        lines = [f"       {line}" for line in lines_of(relevant, now)]
        moments = [one.retry_at for one in relevant if one.retry_at is not None]
        waited = sum(self._waits.values())
        why = why or (f", after waiting {waited:.1f} s" if waited else "")
        hint = hint_for(relevant, [*self._told, *self._kept_away.values()], self._too_dear_for())
        opens = min(moments, default=None)
        error = Exhausted(
            "\n".join([f"no provider can answer right now{why}", *lines]),
            decision=decision,
            retry_at=opens,
            hint=hint if opens is None else f"wait until {when(math.ceil(opens), now)}   ·   {hint}",
        )
        error.request_id = request_id
        return error

    def _too_dear_for(self) -> str:
        """Return which budget, or bound of the request's own, it is larger than; nothing where there is none."""
        large = [one for _, one in self.denials.values() if one.cause is DenialCause.TOO_LARGE]
        if any(one.limit is not None and one.limit.source == MAX_COST for one in large):
            return MAX_COST
        return "the budget" if any(one.by is DeniedBy.BUDGET for one in large) else ""

    def _misbehaved(self) -> ShunpikeError | None:
        """Return the plugin's error where nothing else went wrong."""
        asked = [one for one in self._candidates.values() if one.verdict in (Verdict.FAILED, Verdict.DENIED)]
        broken = [error for error in self._errors if isinstance(error, PluginError)]
        alone = len(broken) == len(self._errors) and all(one.verdict is Verdict.FAILED for one in asked)
        return broken[0] if broken and alone else None

    def _mistake(self) -> ShunpikeError | None:
        texts = {problem.message for problem in self._unusable.values()}
        if len(texts) != 1 or self._unusable.keys() != self._candidates.keys():
            return None
        return next(iter(self._unusable.values()))


def _with_rank(one: Candidate, rank: int | None, ranked: Ranked | None) -> Candidate:
    """Return ``one`` with its place, and what the strategy said of it."""
    if ranked is None:
        return one
    return changed(one, rank=rank, score=ranked.score, why=masked(ranked.why) if ranked.why else "")


def _in_words(setback: Setback) -> str:
    if setback.closed_until is None or setback.opens_at is not None:
        return setback.reason
    return f"{setback.reason} (looked at again at {moment(setback.closed_until).astimezone():%H:%M:%S})"


def too_large(plan: Plan, prompt_tokens: int) -> PromptTooLarge | None:
    """Return the error when the prompt's size alone closed every candidate."""
    contexts = [one.context for one in plan.dropped if one.context is not None]
    others = [one for one in plan.dropped if one.model != "*" and one.context is None]
    if plan.targets or others or not contexts:
        return None
    widest = max(contexts)
    error = PromptTooLarge(
        f"the prompt takes about {prompt_tokens:,} tokens, more than the widest context of any candidate: {widest:,}",
        hint="shorten the prompt, or name a model with a larger context: shunpike models",
    )
    error.tokens, error.most_tokens = prompt_tokens, widest
    return error
