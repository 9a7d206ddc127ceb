"""The ledger: nothing is sent without its grant, and every attempt ends in it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from shunpike.clock import Clock
from shunpike.ledger.closures import closures_of
from shunpike.ledger.holds import holds_for, limits_in_force, too_large
from shunpike.ledger.settle import settlement_of
from shunpike.ledger.terms import Terms, terms_of, wall
from shunpike.protocols import Admission, Ask, Store, Target
from shunpike.types import (
    Ending,
    Grant,
    Limit,
    Refusal,
    Remaining,
    Reservation,
    Settings,
    Settlement,
    Unit,
    UsageRow,
)

LimitsOf = Callable[[Target], Sequence[Limit] | None]
"""The limits granted to a target; None = nothing is known."""


class Ledger(Admission):
    """Reserves the worst case of every attempt before a byte is sent, and settles it to the truth afterwards."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, limits_of: LimitsOf) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._limits_of = limits_of

    def terms(self, target: Target, ask: Ask) -> Terms:
        """Return who would pay for the attempt, and how much at most."""
        return terms_of(target, ask, self._settings)

    @override
    async def admit(self, target: Target, ask: Ask) -> Grant | Refusal:
        """Reserve the worst case of one attempt over every limit and budget that applies, all or nothing.

        A request that alone exceeds a limit, and money that may not be spent, are refused at once as impossible.
        Raises `StoreError`: then nothing may be sent.
        """
        limits = self._limits_of(target)
        terms = self.terms(target, ask)
        in_force = limits_in_force(target, limits or (), terms, self._settings)
        bounded = any(limit.unit is Unit.USD for limit in in_force.values())
        refusal = wall(terms, self._settings, limits_known=limits is not None, bounded=bounded)
        if refusal is not None:
            return refusal
        holds = holds_for(target, ask, terms, in_force)
        refusal = too_large(holds, ask, terms)
        if refusal is not None:
            return refusal
        return await self._store.admit(
            Reservation(
                attempt_id=ask.attempt_id,
                request_id=ask.request_id,
                provider=target.name,
                account=target.account,
                model=target.model.id,
                at=self._clock.now(),
                holds=holds,
                worst=terms.worst,
                prompt_tokens=ask.prompt_tokens,
                output_tokens=ask.max_output * ask.choices,
                funds=terms.funds,
                tag=ask.tag,
            )
        )

    @override
    async def settle(self, target: Target, ask: Ask, ending: Ending) -> Settlement:
        """Settle the attempt by the settle table, with what the ending closes; return what was booked.

        Settling again changes nothing in the books. Raises `StoreError`: the worst case then stays held.
        """
        terms = self.terms(target, ask)
        in_force = limits_in_force(target, self._limits_of(target) or (), terms, self._settings)
        settlement = settlement_of(ending, ask, terms, closures_of(target, ending, in_force))
        await self._store.settle(ask.attempt_id, settlement)
        return settlement

    async def remaining(self, target: Target) -> Sequence[Remaining]:
        """Return what is left of every limit and budget that a call of ``target`` draws on."""
        unit_ask = Ask(attempt_id="", request_id="", prompt_tokens=1, max_output=1)
        terms = self.terms(target, unit_ask)
        in_force = limits_in_force(target, self._limits_of(target) or (), terms, self._settings)
        holds = [hold for hold in holds_for(target, unit_ask, terms, in_force) if hold.amount]
        return await self._store.remaining(holds, self._clock.now())

    async def closed(self) -> Mapping[str, tuple[float, str]]:
        """Return bucket → (until, reason) of what providers have closed."""
        return await self._store.closed(self._clock.now())

    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``, epoch seconds."""
        return await self._store.usage(since, until)
