"""The ledger: nothing is sent without its grant, and every attempt ends in it once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain

from typing_extensions import override

from shunpike.clock import Clock
from shunpike.ledger.belief import believed, plausible
from shunpike.ledger.blocks import blocks_of, is_refusal, used_up
from shunpike.ledger.breaches import charges_of, frozen_by
from shunpike.ledger.budgets import budgets_in_force, least
from shunpike.ledger.capabilities import TellsRecovered
from shunpike.ledger.counting import likely_output, output_samples, prompt_sample
from shunpike.ledger.events import events_of
from shunpike.ledger.foreseeing import Weighed, foreseen, openings, reservation
from shunpike.ledger.holds import fitted, gates_of, holds_for, plain_request, too_large, uncached_in
from shunpike.ledger.inspection import Inspection
from shunpike.ledger.output_cap import Caps, OutputCap
from shunpike.ledger.pacing import Pacer, unslowed
from shunpike.ledger.request_cost import within_cost
from shunpike.ledger.settle import settlement_of
from shunpike.ledger.settling import LEAVING, SETTLING
from shunpike.ledger.teaching import LimitsOf, Teaching
from shunpike.ledger.terms import Terms, terms_of, wall
from shunpike.ledger.turns import Turns
from shunpike.ledger.unpublished import with_concurrency
from shunpike.patience import let_go
from shunpike.protocols import Admission, AdmissionRequest, Store, Target
from shunpike.types import (
    AttemptsRecovered,
    Denial,
    Event,
    Grant,
    Hold,
    Outcome,
    Principal,
    Remaining,
    Sample,
    Settings,
    Settlement,
)
from shunpike.types.base import changed
from shunpike.types.limits import BoundLimit
from shunpike.waiting import Queue

CLOSING = 6.0
"""Seconds that a store may take to close: a little more than the stores of this project take at most by themselves."""


class Ledger(Inspection, Admission):
    """Reserves the worst case of every attempt before a byte is sent, and settles it to the truth afterwards."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        limits_of: LimitsOf,
        *,
        queue: Queue | None = None,
        emit: Callable[[Event], None] = lambda _: None,
    ) -> None:
        super().__init__(store, clock, settings)
        self._recovering = store if isinstance(store, TellsRecovered) else None
        self._recovered = 0
        self._limits_of = limits_of
        self._emit = emit
        self._pacer = Pacer(store, self._in_force)
        self._queue = Queue() if queue is None else queue
        self._teaching = Teaching(limits_of, self._known, self._in_force, clock, self._queue)
        self._caps = Caps(store, self._in_force, self._pacer, self._queue)
        self._turns = Turns(self._queue, self._settling, clock)

    def apply(self, settings: Settings) -> None:
        """Hold all that is admitted from now on to ``settings``: a smaller budget binds requests that run, too."""
        self._in_force.settings = settings

    def terms(self, target: Target, ask: AdmissionRequest) -> Terms:
        """Return who would pay for the attempt, and how much at most."""
        return terms_of(target, ask, self._in_force.settings)

    def _counted(self, target: Target, ask: AdmissionRequest) -> AdmissionRequest:
        """Return the ask with its prompt as the model was seen to count, never above the bound, and a likely answer."""
        model, changed = model_key(target), {}
        factor = self._known.factor(model)
        if factor != 1.0:
            tokens = math.ceil(ask.prompt_tokens * factor)
            if ask.prompt_bound is not None:
                tokens = min(tokens, max(ask.prompt_bound, ask.prompt_tokens))
            changed["prompt_tokens"] = tokens
        learned = self._in_force.settings.token_estimate == "learned"
        likely = likely_output(self._known.factors, model, ask.tag) if learned else None
        if likely is not None:
            changed["likely_output"] = min(likely, ask.max_output)
        return ask.model_copy(update=changed) if changed else ask

    def _samples(self, target: Target, ask: AdmissionRequest, outcome: Outcome) -> tuple[Sample, ...]:
        model = model_key(target)
        prompt = prompt_sample(model, ask.prompt_tokens, outcome.usage, outcome.at)
        samples = () if prompt is None else (prompt,)
        if self._in_force.settings.token_estimate != "learned":
            return samples
        return samples + output_samples(model, ask.tag, ask.choices, outcome.usage, outcome.at)

    @override
    async def admit(self, target: Target, ask: AdmissionRequest) -> Grant | Denial:
        """Reserve the worst case of one attempt over every limit and budget that applies, all or nothing.

        Where the ask has a ``min_output``, with the largest output cap from there to its ``max_output`` that what is
        left allows (``output_cap.py``).

        A request that alone exceeds a limit, and money that may not be spent, are denied at once as impossible; what
        the pace holds back is denied with the cause ``paced``. Raises `StoreError`: then nothing may be sent.
        """
        await self._settling.again()
        await self._known.refresh()
        self._tell_recovered()
        bounded = within_cost(ask, self.terms(target, self._counted(target, ask)))
        if isinstance(bounded, Denial):
            return bounded
        ask, by_cost = bounded
        if ask.min_output is None:
            return await self._admit(target, ask)
        for _ in range(2):
            cap, least = await self._cap(target, ask)
            verdict = await self._admit(target, ask.model_copy(update={"max_output": cap.tokens}))
            if isinstance(verdict, Grant):
                return changed(verdict, max_output=cap.tokens, capped_by=cap.by or by_cost)
            if verdict.returned or cap.tokens <= least:
                break  # Otherwise others took what was left meanwhile, and a smaller cap may fit.
        # No ``max_tokens`` was named: lowering it is no advice.
        return verdict.model_copy(update={"fits": None})

    async def _cap(self, target: Target, ask: AdmissionRequest) -> tuple[OutputCap, int]:
        """Return the output cap for what is left, and the least that is of use."""
        counted = self._counted(target, ask)
        bounds = self._bounds(target, counted.principal, self.terms(target, counted))
        return await self._caps.choose(target, counted, bounds, self._clock.now())

    def _bounds(self, target: Target, principal: Principal | None, terms: Terms) -> tuple[BoundLimit, ...]:
        """Return all that bounds an attempt: what is counted at the provider, budgets, what its principal may."""
        known = (BoundLimit(bucket, limit) for bucket, limit in self._teaching.in_force(target, terms).items())
        return least(chain(known, budgets_in_force(target, terms, self._in_force.settings, principal)))

    @override
    async def foresee(self, target: Target, ask: AdmissionRequest) -> Denial | None:
        await self._looking(self._known.refresh())
        if ask.min_output is not None:
            ask = ask.model_copy(update={"max_output": ask.min_output, "min_output": None})
        bounded = within_cost(ask, self.terms(target, self._counted(target, ask)))
        if isinstance(bounded, Denial):
            return bounded
        weighed, now = self._weighed(target, ask), self._clock.now()
        if weighed.wall or weighed.large:
            return weighed.wall or weighed.large
        left = await self._looking(self._store.remaining(weighed.holds, now))
        gates = (gates_of(target, [BoundLimit(hold.bucket, hold.limit)]) for hold in weighed.holds)
        known = [self._known.seen(one, its, now) for one, its in zip(left, gates, strict=True)]
        pairs = [*zip(weighed.holds, known, strict=True)]
        return foreseen(pairs, now, await self._looking(openings(self._store, pairs, now)))

    def _weighed(self, target: Target, ask: AdmissionRequest) -> Weighed:
        estimated, ask = ask, self._counted(target, ask)
        terms = self.terms(target, ask)
        bounds = self._bounds(target, ask.principal, terms)
        denial = wall(terms, self._in_force.settings, bounds, limits_known=self._limits_of(target) is not None)
        plain = plain_request(estimated, ask)
        bounds = with_concurrency(target, ask, bounds)
        holds = fitted(holds_for(target, ask, terms, bounds), plain, terms)
        large = None if denial is not None else too_large(holds, plain, terms)
        return Weighed(ask, plain, terms, holds, denial, large)

    async def _admit(self, target: Target, ask: AdmissionRequest) -> Grant | Denial:
        ask, plain, terms, holds, denial, large = self._weighed(target, ask)
        now = self._clock.now()
        if large is not None:
            return await self._caps.advised(target, plain, large, holds, now) if large.fits else large
        denial = denial or self._turns.denial(ask, holds, now)
        if denial is not None:
            return denial
        self._turns.asked(ask, holds)
        verdict: Grant | Denial | None = None
        try:
            verdict = await self._paced(target, ask, terms, holds, now)
        finally:
            self._turns.over(ask, granted=isinstance(verdict, Grant))
        return verdict

    async def _paced(
        self, target: Target, ask: AdmissionRequest, terms: Terms, holds: tuple[Hold, ...], now: float
    ) -> Grant | Denial:
        """Return the store's word on the holds as the pace has them judged."""
        judged = self._pacer.spread(target, ask, holds, now)
        given = await self._store.admit(reservation(target, ask, terms, judged, now))
        verdict = await self._turns.known(ask, given)
        if isinstance(verdict, Denial):
            if verdict.returned:
                return verdict
            explained = await self._pacer.explained(target, verdict, holds, judged, now)
            if explained is not verdict:
                self._turns.stand(ask, explained)
            return explained
        self._teaching.began(ask.attempt_id, now)
        granted = verdict if judged is holds else unslowed(verdict, holds)
        return changed(granted, at_mono=self._clock.monotonic(), worst=terms.worst)

    @override
    async def settle(
        self, target: Target, ask: AdmissionRequest, outcome: Outcome, within: float = SETTLING
    ) -> Settlement:
        """Settle the attempt by the settle table, with what the ending closes and teaches; return what was booked.

        Settling again changes nothing in the books. What can't be written ``within`` so many seconds is ``unbooked``:
        its worst case stays held until it is, which this process sees to.
        """
        counted = self._counted(target, ask)
        outcome = believed(plausible(outcome), counted)
        terms = self.terms(target, counted)
        in_force = self._teaching.in_force(target, terms)
        own = [BoundLimit(bucket, limit) for bucket, limit in in_force.items()]
        holds = fitted(holds_for(target, counted, terms, own), plain_request(ask, counted), terms)
        asked = {hold.bucket: hold.amount for hold in holds}
        granted, refused, limit_updates = self._teaching.taught(target, terms, outcome, ask.attempt_id, asked)
        blocks = blocks_of(target, outcome, granted or in_force, refused) + used_up(target, limit_updates, outcome.at)
        blocks += outcome.closes
        settlement = settlement_of(outcome, counted, terms)
        frozen = frozen_by(target, ask, settlement, terms)
        settlement = changed(
            settlement,
            blocks=blocks if frozen is None else (*blocks, frozen),
            opens=outcome.opens,
            limit_updates=limit_updates,
            charges=charges_of(settlement, terms, partial(self._bounds, target, ask.principal)),
            overage=bool(in_force) and is_refusal(outcome),
            samples=self._samples(target, ask, outcome),
            uncached=uncached_in(in_force, settlement),
        )
        within = LEAVING if outcome.cancelled else max(LEAVING, min(within, SETTLING))
        try:
            new, why_not = await self._settling.book(ask.attempt_id, settlement, within)
            if new or why_not:
                self._known.take(settlement)
                for event in events_of(target, ask, settlement):
                    self._emit(event)
        finally:
            self._queue.ended(ask.attempt_id)
        return settlement if why_not is None else settlement.model_copy(update={"unbooked": why_not})

    async def finish(self) -> None:
        """Try once more to book what could not be."""
        await self._settling.again(last=True)

    async def aclose(self) -> None:
        """Finish, and let go of the store. Raises `TimeoutError`."""
        try:
            await self.finish()
        finally:
            await let_go(self._store.aclose, self._clock, CLOSING)

    def _tell_recovered(self) -> None:
        """Tell of attempts that processes left which ended without booking them."""
        if self._recovering is not None and self._recovering.recovered > self._recovered:
            count, self._recovered = self._recovering.recovered - self._recovered, self._recovering.recovered
            self._emit(AttemptsRecovered(at=self._clock.now(), count=count))

    async def remaining(self, target: Target) -> Sequence[Remaining]:
        """Return what is left of every limit and budget that a call of ``target`` draws on."""
        return (await self.snapshot([target]))[target.label]

    @override
    async def snapshot(self, targets: Sequence[Target]) -> Mapping[str, Sequence[Remaining]]:
        await self._looking(self._known.refresh())
        now = self._clock.now()
        bounds = {target.label: self._bounds(target, None, self.terms(target, _SMALLEST)) for target in targets}
        holds = {
            (one.bucket, one.limit.amount): Hold(bucket=one.bucket, limit=one.limit, amount=0, owner=one.owner)
            for those in bounds.values()
            for one in those
        }
        left = dict(zip(holds, await self._looking(self._store.remaining([*holds.values()], now)), strict=True))
        return {
            target.label: [
                self._known.seen(left[one.bucket, one.limit.amount], gates_of(target, [one]), now)
                for one in bounds[target.label]
            ]
            for target in targets
        }


_SMALLEST = AdmissionRequest(attempt_id="", request_id="", prompt_tokens=1, max_output=1)


def model_key(target: Target) -> str:
    """Return the name under which the counts of a model are learned: whatever section asks it."""
    return f"{target.provider.id}/{target.model.id}"
