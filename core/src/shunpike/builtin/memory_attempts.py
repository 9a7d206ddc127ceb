"""The attempts of the store in memory: those that run, the last ones that ended, and totals of all before.

| attempts                         | are kept                                                     |
| -------------------------------- | ------------------------------------------------------------ |
| in flight                        | until they end                                               |
| whose end is not known           | until they are reconciled, the last `DOUBTFUL` of them       |
| that ended, the last `KEPT`      | one by one, so that any span of time can be told exactly     |
| that ended before                | as totals of quarter hours, after two days as totals of days |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shunpike.builtin.tally import Counts, Key, Tally, counts_of, held_counts, key_of
from shunpike.ledger.records import Row, known_of
from shunpike.ledger.rows import FACTS, EndedRow
from shunpike.ledger.totals import DAY
from shunpike.types import Funds, KnownAttempt, Money, Reservation, Settlement, State, Unconfirmed, Unit

KEPT = 10_000
DOUBTFUL = 10_000

_PERIOD = 900.0
"""Seconds: the midnight of every time zone begins one."""
_PRECISE_FOR = 2 * DAY


class Ended(NamedTuple):
    """An attempt that ended, as far as totals need it, with ``told``: whom it was for, and `FACTS`."""

    started_at: float
    key: Key
    counts: Counts
    told: Row


@dataclass(slots=True)
class Doubtful:
    """An attempt whose end is not known."""

    ended: Ended
    account: str
    outcome: str
    pico: int
    funds: Funds
    buckets: tuple[str, ...]
    """The money that it still holds something of."""


@dataclass
class _Period:
    """Totals of attempts that began within one period."""

    first: float
    tally: Tally = field(default_factory=Tally)


class Attempts:
    """Every attempt that was admitted is in here once."""

    def __init__(self) -> None:
        self.held: dict[str, Reservation] = {}
        self._ended: dict[str, Ended] = {}
        self._doubtful: dict[str, Doubtful] = {}
        self._periods: dict[float, _Period] = {}
        """Start of a quarter hour, or of a day → what was folded into it."""

    def __contains__(self, attempt_id: str) -> bool:
        """Return whether the attempt is known by its name, as all of the last ones are."""
        return attempt_id in self.held or attempt_id in self._ended or attempt_id in self._doubtful

    def __len__(self) -> int:
        """Return how many are kept one by one."""
        return len(self.held) + len(self._ended) + len(self._doubtful)

    def end(self, attempt_id: str, settlement: Settlement, row: EndedRow) -> list[tuple[str, Doubtful]]:
        """Note how an attempt ended; return those in doubt that are not kept by name any longer."""
        one = self.held.pop(attempt_id)
        told = (one.principal, *(getattr(row, name) for name in FACTS))
        ended = Ended(one.reserved_at, key_of(one), counts_of(one.funds, row), told)
        if row.state == State.UNCONFIRMED:
            self._doubtful[attempt_id] = Doubtful(
                ended,
                one.account,
                row.outcome,
                row.cost_pico,
                one.funds,
                tuple(
                    hold.bucket
                    for hold in (*one.holds, *settlement.charges)
                    if hold.amount and hold.limit.unit is Unit.USD
                ),
            )
        else:
            self._ended[attempt_id] = ended
        return self._fold()

    def _fold(self) -> list[tuple[str, Doubtful]]:
        believed = []
        if len(self._ended) > KEPT:
            self._add(self._ended.pop(next(iter(self._ended))))
        if len(self._doubtful) > DOUBTFUL:
            oldest = next(iter(self._doubtful))
            believed.append((oldest, self._doubtful.pop(oldest)))
            self._add(believed[0][1].ended)
        return believed

    def _add(self, ended: Ended) -> None:
        start = ended.started_at // _PERIOD * _PERIOD
        if start not in self._periods:
            self._periods[start] = _Period(ended.started_at)
            self._join(ended.started_at - _PRECISE_FOR)
        period = self._periods[start]
        period.first = min(period.first, ended.started_at)
        period.tally.add(ended.key, ended.counts)

    def _join(self, before: float) -> None:
        """Make days of the quarter hours that are older than that."""
        for start in [one for one in self._periods if one < before and one % DAY]:
            old, day = self._periods.pop(start), start // DAY * DAY
            into = self._periods.setdefault(day, _Period(old.first))
            into.first = min(into.first, old.first)
            into.tally.merge(old.tally)

    def unconfirmed(self) -> list[Unconfirmed]:
        """Return those whose end is not known, oldest first."""
        found = [
            Unconfirmed(
                attempt_id=name,
                provider=one.ended.key.provider,
                account=one.account,
                model=one.ended.key.model,
                at=one.ended.started_at,
                outcome=one.outcome,
                cost=Money(pico=one.pico),
                funds=one.funds,
                tag=one.ended.key.tag or None,
            )
            for name, one in self._doubtful.items()
        ]
        return sorted(found, key=lambda one: (one.at, one.attempt_id))

    def of_request(self, request_id: str) -> list[KnownAttempt]:
        """Return the attempts of a request, by their numbers."""
        found: list[KnownAttempt] = []
        while (name := f"{request_id}-{len(found) + 1}") in self:
            found.append(known_of((name, *self._known(name))))
        return found

    def _known(self, name: str) -> Row:
        if (held := self.held.get(name)) is not None:
            return held.reserved_at, State.HELD, "", 1, held.worst.pico, held.principal, *[None] * len(FACTS)
        doubtful = self._doubtful.get(name)
        one = self._ended[name] if doubtful is None else doubtful.ended
        state, counts = State.SETTLED if doubtful is None else State.UNCONFIRMED, one.counts
        answered, cost = "ok" if counts.answered else "", counts.cost + counts.credit
        return one.started_at, state, answered, counts.requests, cost, *one.told

    def reconcile(self, attempt_id: str, cost: Money) -> Iterable[str] | None:
        """Settle one of them at ``cost``; return the buckets of money that it counts in, None where it is none."""
        one = self._doubtful.pop(attempt_id, None)
        if one is None:
            return None
        purse = "credit" if one.funds is Funds.CREDIT else "cost"
        counts = one.ended.counts._replace(unconfirmed=0, **{purse: cost.pico})
        self._ended[attempt_id] = one.ended._replace(counts=counts)
        return one.buckets

    def tally(self, since: float, until: float, principal: str | None = None) -> Tally:
        """Return the totals of the attempts begun in ``[since, until)``; a period counts by its first attempt.

        Of a ``principal`` they are those of its attempts that are kept one by one.
        """
        tally = Tally()
        for period in self._periods.values() if principal is None else ():
            if since <= period.first < until:
                tally.merge(period.tally)
        for one in self._one_by_one():
            if since <= one.started_at < until and (principal is None or one.told[0] == principal):
                tally.add(one.key, one.counts)
        return tally

    def _one_by_one(self) -> Iterator[Ended]:
        yield from self._ended.values()
        yield from (one.ended for one in self._doubtful.values())
        for one in self.held.values():
            yield Ended(one.reserved_at, key_of(one), held_counts(one), (one.principal,))
