"""A request that is only planned: nobody is asked for it, and nothing is reserved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shunpike.masking import masked
from shunpike.protocols import Ranked, Target
from shunpike.routing.admitting import ask_for
from shunpike.routing.answer_lengths import TYPICAL_OUTPUT
from shunpike.routing.context import RequestContext
from shunpike.routing.denied import candidate_of
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.snapshot import Snapshot
from shunpike.runtime.wishes import Wishes
from shunpike.types import ZERO, Candidate, Cause, ChatRequest, Funds, Remaining, Usage, Verdict
from shunpike.types.dry_run import DryRun, PlannedTarget


async def dry_run(runtime: Runtime, request: ChatRequest, wishes: Wishes) -> DryRun:
    """Return what would become of ``request`` now. Raises what planning raises, and `StoreError`."""
    async with runtime.request() as snapshot:
        context = await runtime.planner.chat(snapshot, request, replace(wishes, dry_run=True))
        plan = context.plan
        left = await runtime.ledger.snapshot(plan.targets)
        planned = [
            await _planned(runtime, snapshot, context, (rank, one), left.get(one.target.label, ()))
            for rank, one in enumerate(plan.ranked, 1)
        ]
    return DryRun(
        requested_model=request.model,
        strategy=plan.strategy,
        alias=plan.alias,
        rule=plan.rule,
        affinity=plan.conversation.told,
        prompt_tokens=context.prompt_tokens,
        expected_output=_expected_output(runtime, context),
        planned=tuple(planned),
        dropped=plan.dropped,
    )


def _expected_output(runtime: Runtime, context: RequestContext, label: str | None = None) -> int:
    """Return the tokens of an answer that costs are reckoned with, as strategies do: of ``label``, or of whomever."""
    likely = runtime.performance.lengths.expected(context.tag, label) or TYPICAL_OUTPUT
    cap = context.request.output_cap
    return likely if cap is None else min(likely, cap)


async def _planned(
    runtime: Runtime,
    snapshot: Snapshot,
    context: RequestContext,
    place: tuple[int, Ranked],
    left: Sequence[Remaining],
) -> PlannedTarget:
    rank, ranked = place
    target, funds = ranked.target, snapshot.funds(ranked.target)
    within = context.expires_mono - runtime.clock.monotonic()
    ask = ask_for(snapshot.services, context, target, "", within)
    price = snapshot.services.price(target, context.tokens(target), context.request.service_tier, within)
    expected = _expected_output(runtime, context, target.label)
    usage = Usage(prompt_tokens=context.tokens(target), completion_tokens=expected * context.request.choices)
    worth = None if price is None else price.of(usage)
    blocked = _in_trouble(runtime, snapshot, target)
    if blocked is None:
        blocked = candidate_of(target, await runtime.ledger.foresee(target, ask))
    return PlannedTarget(
        candidate=blocked.model_copy(update={"rank": rank, "score": ranked.score, "why": masked(ranked.why)}),
        paid=target.paid,
        expected_cost=ZERO if funds is not Funds.PAID else worth,
        list_price=worth,
        remaining=tuple(left),
    )


def _in_trouble(runtime: Runtime, snapshot: Snapshot, target: Target) -> Candidate | None:
    """Return ``target`` with what is known to be in trouble there; None where nothing is."""
    where = snapshot.where(target)
    until = runtime.health.closed_until(where)
    if until is None or until <= runtime.clock.now():
        return None
    kind = runtime.health.of(where).error
    return Candidate(
        provider=target.name,
        model=target.model.id,
        verdict=Verdict.DENIED,
        reason=f"in trouble: {kind}" if kind else "in trouble",
        retry_at=until,
        cause=Cause.TROUBLE,
    )
