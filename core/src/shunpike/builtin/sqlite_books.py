"""What is done inside a transaction: admit, settle, recover. One instance per writing connection."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from pydantic import TypeAdapter

from shunpike.builtin.sqlite_learning import CORRECT, learn, reconcile, take_sample
from shunpike.builtin.sqlite_owner import forget, is_alive
from shunpike.builtin.sqlite_sql import Connection
from shunpike.builtin.tally import booked_cost
from shunpike.errors import StoreError
from shunpike.ledger.slots import Look, Part, judge, remaining_of, settled_parts
from shunpike.ledger.windows import CLOCK_SLACK, Window, last_expiry
from shunpike.types import (
    Basis,
    Closure,
    Grant,
    Hold,
    Limit,
    Money,
    Refusal,
    Reservation,
    Settlement,
    State,
    Unit,
    Usage,
)

WINDOW: TypeAdapter[Window] = TypeAdapter(Window)
_PAGE = 200

_INSERT_ATTEMPT = """
INSERT INTO attempts (id, request_id, provider, account, model, owner, state, funds, started_at,
                      held_prompt, held_output, worst_pico, cost_pico, tag)
VALUES (?, ?, ?, ?, ?, ?, 'held', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

_END_ATTEMPT = """
UPDATE attempts SET state = ?, owner = NULL, ended_at = ?, outcome = ?, served_model = ?, prompt_tokens = ?,
    completion_tokens = ?, cached_tokens = ?, reasoning_tokens = ?, basis = ?, cost_pico = ?, list_pico = ?,
    breach_pico = ?, breach_tokens = ?, sent = ?, overages = ?
WHERE id = ? AND state = 'held'"""

_TAKE = """
UPDATE buckets SET used = used + ?1, ceiling = ?2, counts = ?4 WHERE id = ?3 AND used + ?1 <= ?2 RETURNING used"""


class Books:
    """Works on one connection, inside the transactions of others."""

    def __init__(self, connection: Connection, database: Path, owner: str, guard: float) -> None:
        self._db = connection
        self._database = database
        self._owner = owner
        self._guard = guard
        self._ids: dict[str, int] = {}

    def admit(self, reservation: Reservation) -> Grant | Refusal:
        """Take every hold or none. Before a refusal, what dead owners still hold is looked for once."""
        refusal = self._judge(reservation)
        if refusal is not None and not refusal.impossible and self.recover(reservation.at):
            refusal = self._judge(reservation)
        return self._take(reservation) if refusal is None else refusal

    def _judge(self, reservation: Reservation) -> Refusal | None:
        now = reservation.at
        return judge(reservation.holds, now, lambda hold: self._look(hold, now), self._guard)

    def _look(self, hold: Hold, now: float) -> Look:
        closed = self._db.rows("SELECT until, reason FROM closures WHERE bucket = ? AND until > ?", hold.bucket, now)
        if not hold.amount:
            return Look(0, closed[0] if closed else None, tuple, int)
        bucket = self._bucket(hold.bucket, hold.limit)
        self._expire(bucket, hold.limit.window, now)
        used = self._db.rows("SELECT used FROM buckets WHERE id = ?", bucket)[0][0]
        return Look(used, closed[0] if closed else None, partial(self._ended, bucket), partial(self._in_flight, bucket))

    def _ended(self, bucket: int) -> Iterator[tuple[float, int]]:
        """Page by page: one page nearly always tells when a full limit opens."""
        sql = (
            "SELECT expires_at, amount FROM slots WHERE bucket = ? AND expires_at IS NOT NULL"
            " ORDER BY expires_at LIMIT ? OFFSET ?"
        )
        for start in count(0, _PAGE):
            page = self._db.rows(sql, bucket, _PAGE, start)
            yield from ((float(expires), int(amount)) for expires, amount in page)
            if len(page) < _PAGE:
                return

    def _in_flight(self, bucket: int) -> int:
        sql = "SELECT coalesce(sum(amount), 0) FROM slots WHERE bucket = ? AND expires_at IS NULL"
        return int(self._db.rows(sql, bucket)[0][0])

    def _bucket(self, name: str, limit: Limit) -> int:
        known = self._ids.get(name)
        if known is None:
            window = WINDOW.dump_json(limit.window).decode()
            insert = "INSERT INTO buckets (name, unit, window) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            self._db.rows(insert, name, limit.unit.value, window)
            known = int(self._db.rows("SELECT id FROM buckets WHERE name = ?", name)[0][0])
            self._ids[name] = known
        return known

    def forget_ids(self) -> None:
        """Drop what is remembered of a transaction that was rolled back."""
        self._ids.clear()

    def _expire(self, bucket: int, window: Window, now: float) -> None:
        gone = self._db.rows("DELETE FROM slots WHERE bucket = ? AND expires_at <= ? RETURNING amount", bucket, now)
        if gone:
            freed = sum(amount for (amount,) in gone)
            self._db.rows("UPDATE buckets SET used = used - ? WHERE id = ?", freed, bucket)
        latest = last_expiry(window, now, self._guard)
        # The clock was set back: nothing counts longer than what ends now would.
        self._db.rows(
            "UPDATE slots SET expires_at = ? WHERE bucket = ? AND expires_at > ?", latest, bucket, latest + CLOCK_SLACK
        )

    def _take(self, reservation: Reservation) -> Grant:
        self._insert(reservation)
        left = []
        for hold in reservation.holds:
            if not hold.amount:
                continue
            bucket = self._bucket(hold.bucket, hold.limit)
            taken = self._db.rows(_TAKE, hold.amount, hold.limit.amount, bucket, hold.limit.counts)
            if not taken:
                raise StoreError(
                    f"the books of {hold.bucket} changed inside a transaction", hint="run: shunpike doctor"
                )
            insert = "INSERT INTO slots (bucket, attempt, amount) VALUES (?, ?, ?)"
            self._db.rows(insert, bucket, reservation.attempt_id, hold.amount)
            left.append(remaining_of(hold, reservation.at, int(taken[0][0]), None, hold.amount, self._guard))
        return Grant(attempt_id=reservation.attempt_id, remaining=tuple(left))

    def _insert(self, reservation: Reservation) -> None:
        inserted = self._db.changes(
            _INSERT_ATTEMPT,
            reservation.attempt_id,
            reservation.request_id,
            reservation.provider,
            reservation.account,
            reservation.model,
            self._owner,
            reservation.funds.value,
            reservation.at,
            reservation.prompt_tokens,
            reservation.output_tokens,
            reservation.worst.pico,
            reservation.worst.pico,
            reservation.tag,
        )
        if not inserted:
            raise StoreError(f"attempt {reservation.attempt_id!r} is already in the ledger")

    def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False changes nothing."""
        found = self._db.rows(
            "SELECT worst_pico, held_prompt, held_output FROM attempts WHERE id = ? AND state = 'held'", attempt_id
        )
        if not found:
            return False
        worst, prompt, output = found[0]
        self._end(attempt_id, settlement, Money(pico=worst), (prompt, output))
        slots = self._db.rows(
            "SELECT slots.id, bucket, amount, unit, window, counts FROM slots JOIN buckets ON buckets.id = bucket"
            " WHERE attempt = ?",
            attempt_id,
        )
        for slot, bucket, amount, unit, window, counts in slots:
            limit = Limit(unit=Unit(unit), amount=0, window=WINDOW.validate_json(window), counts=counts)
            self._settle_slot(slot, bucket, amount, limit, settlement)
        for closure in settlement.closures:
            self._close(closure)
        for lesson in settlement.lessons:
            learn(self._db, lesson, settlement.at, self._guard)
        if settlement.sample is not None:
            take_sample(self._db, settlement.sample)
        return True

    def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle an unconfirmed attempt by hand; False changes nothing."""
        return reconcile(self._db, attempt_id, cost, at, note)

    def _end(self, attempt_id: str, settlement: Settlement, worst: Money, held: tuple[int, int]) -> None:
        released = settlement.state is State.RELEASED
        usage = Usage(basis=Basis.ABSENT) if released else settlement.usage
        cost = booked_cost(worst, settlement)
        over = max(0, usage.prompt_tokens - held[0]) + max(0, usage.completion_tokens - held[1])
        self._db.rows(
            _END_ATTEMPT,
            settlement.state.value,
            settlement.at,
            settlement.outcome,
            settlement.served_model,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_tokens,
            usage.reasoning_tokens,
            usage.basis.value,
            cost.pico,
            None if settlement.list_value is None or released else settlement.list_value.pico,
            max(0, cost.pico - worst.pico),
            over,
            int(settlement.keeps_request or not released),
            int(settlement.overage),
            attempt_id,
        )

    def _settle_slot(self, slot: int, bucket: int, held: int, limit: Limit, settlement: Settlement) -> None:
        last = self._db.rows("SELECT max(expires_at) FROM slots WHERE bucket = ?", bucket)[0][0]
        parts = settled_parts(limit, held, settlement, last, self._guard)
        change = sum(part.amount for part in parts) - held
        if change:
            self._db.rows(CORRECT, change, bucket)
        if settlement.state is State.UNCONFIRMED and parts:
            # What is not certain stays with its attempt, to be reconciled.
            keep = "UPDATE slots SET amount = ?, expires_at = ? WHERE id = ?"
            self._db.rows(keep, parts[0].amount, parts[0].expires, slot)
            return
        self._db.rows("DELETE FROM slots WHERE id = ?", slot)
        for part in parts:
            self._add(bucket, part)

    def _add(self, bucket: int, part: Part) -> None:
        """What is certain is kept as one sum per expiry."""
        added = self._db.changes(
            "UPDATE slots SET amount = amount + ? WHERE id = (SELECT id FROM slots"
            " WHERE bucket = ? AND expires_at = ? AND attempt IS NULL LIMIT 1)",
            part.amount,
            bucket,
            part.expires,
        )
        if not added:
            insert = "INSERT INTO slots (bucket, amount, expires_at) VALUES (?, ?, ?)"
            self._db.rows(insert, bucket, part.amount, part.expires)

    def _close(self, closure: Closure) -> None:
        self._db.rows(
            "INSERT INTO closures VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until,"
            " reason = excluded.reason WHERE excluded.until > until",
            closure.bucket,
            closure.until,
            closure.reason,
        )

    def enter(self, pid: int, now: float) -> None:
        """Join the list of owners."""
        self._db.rows("INSERT INTO owners VALUES (?, ?, ?)", self._owner, pid, now)

    def leave(self) -> bool:
        """Leave the list of owners; False when something is still held, which keeps the owner on it."""
        sql = "DELETE FROM owners WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM attempts WHERE owner = ?1)"
        return self._db.changes(sql, self._owner) > 0

    def recover(self, now: float) -> int:
        """Make unconfirmed what dead owners still hold; return how many attempts that were."""
        owners = [str(owner) for (owner,) in self._db.rows("SELECT id FROM owners WHERE id <> ?", self._owner)]
        recovered = 0
        for owner in owners:
            if is_alive(self._database, owner):
                continue
            held = self._db.rows("SELECT id, held_prompt, held_output FROM attempts WHERE owner = ?", owner)
            for attempt_id, prompt, output in held:
                self.settle(attempt_id, _orphaned(now, prompt, output))
            self._db.rows("DELETE FROM owners WHERE id = ?", owner)
            forget(self._database, owner)
            recovered += len(held)
        return recovered


def _orphaned(now: float, prompt: int, output: int) -> Settlement:
    usage = Usage(prompt_tokens=prompt, completion_tokens=output, basis=Basis.ESTIMATED)
    return Settlement(state=State.UNCONFIRMED, at=now, usage=usage, outcome="owner_died")
