"""What is done inside a transaction: admit, settle, recover. One instance per writing connection.

The rules are those of the working set (``ledger/working_set.py``). What it knows of the file stays true until another
process commits, which SQLite tells by its data version; what changed is written once, right before the commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from pydantic import TypeAdapter
from typing_extensions import override

from shunpike.builtin.sqlite_blocks import read_blocks, reopen
from shunpike.builtin.sqlite_clock import LedgerClock
from shunpike.builtin.sqlite_learning import read_factors, read_observations, reconcile
from shunpike.builtin.sqlite_rows import ATTEMPT, END_ATTEMPT, insert_values, write_changes, write_slots
from shunpike.builtin.sqlite_upkeep import keep_small
from shunpike.errors import StoreError
from shunpike.ledger.capabilities import RECOVER_EVERY
from shunpike.ledger.rows import HeldRow, ended_row, held_row, holds_text, orphaned, read_holds
from shunpike.ledger.slots import Look, Part, evaluate_holds
from shunpike.ledger.windows import Window
from shunpike.ledger.working_set import Bucket, WorkingSet
from shunpike.storage.database import Value
from shunpike.storage.sqlite.session import Keeper, Session
from shunpike.types import Denial, Grant, Hold, Limit, Money, Reopening, Reservation, Settlement, Unit

WINDOW: TypeAdapter[Window] = TypeAdapter(Window)
_PAGE = 200

_BUCKET = """
SELECT id, name, unit, window, used, in_flight, ceiling, counts,
       (SELECT min(expires_at) FROM slots WHERE bucket = buckets.id),
       (SELECT max(expires_at) FROM slots WHERE bucket = buckets.id)
FROM buckets WHERE """
_HELD = "SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts WHERE state = 'held' AND "


class Books(Keeper):
    """Works on one session, inside the transactions of others."""

    def __init__(self, session: Session, guard: float, clock: LedgerClock) -> None:
        self._db = session.connection
        self._session = session
        self._clock = clock
        self.steady = clock.steady
        self._guard = guard
        self._recovered_at: float | None = None
        self._set = WorkingSet(guard)
        self._held: dict[str, HeldRow] = {}
        """Attempts of this process that are in flight: what was held does not change, whoever commits meanwhile."""
        self._version: int | None = None
        self._learned = False

    @override
    def forget(self) -> None:
        """Drop what is known of the file: a transaction was rolled back, or changed it beside the working set."""
        self._held.clear()
        self._version = None

    @override
    def begin(self) -> None:
        """Look whether others have changed the file. To be called first in every transaction."""
        if self._clock.look():
            self._version = None
        version = int(self._db.rows("PRAGMA data_version")[0][0])
        if version != self._version:
            self._version = version
            self._renew()

    def _renew(self) -> None:
        self._set, self._learned = WorkingSet(self._guard, self.steady.ahead), False
        for block in read_blocks(self._db, ahead=self.steady.ahead):
            self._set.blocks.bring(block)

    @override
    def flush(self) -> None:
        """Write what changed. To be called last in every transaction."""
        write_changes(self._db, self._set.take_changes())

    def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold or none. Before a refusal, what dead owners still hold is looked for now and then."""
        asked = self.steady.asked(reservation.at)
        if asked != reservation.at:
            reservation = reservation.model_copy(update={"at": asked})
        denial = self._judge(reservation)
        if denial is not None and not denial.impossible and self._recovered(reservation.at):
            denial = self._judge(reservation)
        if denial is not None:
            return denial
        grant = self._set.take(reservation)
        held = held_row(reservation, self._set.holds_of(reservation))
        if not self._db.changes(ATTEMPT, *insert_values(reservation, self._session.owner.id, holds_text(held.holds))):
            raise StoreError(f"attempt {reservation.attempt_id!r} is already in the ledger")
        self._held[held.attempt_id] = held
        return grant

    def _judge(self, reservation: Reservation) -> Denial | None:
        now = reservation.at
        return evaluate_holds(reservation.holds, now, lambda hold: self._look(hold, now), self._guard)

    def _look(self, hold: Hold, now: float) -> Look:
        if not hold.amount:
            return self._set.look(hold, now, tuple)
        bucket = self._set.buckets.get(hold.bucket) or self._bring(hold.bucket, hold.limit)
        self._freshen(bucket, now)
        return self._set.look(hold, now, partial(self._ended, bucket.key))

    def _ended(self, bucket: int) -> Iterator[tuple[float, int]]:
        """Page by page: one page nearly always tells when a full limit opens."""
        write_slots(self._db, self._set.take_slots())
        sql = "SELECT expires_at, amount FROM slots WHERE bucket = ? ORDER BY expires_at LIMIT ? OFFSET ?"
        ahead = self._set.ahead_of(self._set.by_key[bucket].window)
        for start in count(0, _PAGE):
            page = self._db.rows(sql, bucket, _PAGE, start)
            yield from ((float(expires) - ahead, int(amount)) for expires, amount in page)
            if len(page) < _PAGE:
                return

    def _bring(self, name: str, limit: Limit) -> Bucket:
        found = self._find("name = ?", name)
        if found is None:
            window = WINDOW.dump_json(limit.window).decode()
            self._db.rows("INSERT INTO buckets (name, unit, window) VALUES (?, ?, ?)", name, limit.unit.value, window)
            found = self._find("name = ?", name)
        assert found is not None  # noqa: S101 - it was just written, in this transaction
        return found

    def _find(self, where: str, value: Value) -> Bucket | None:
        rows = self._db.rows(_BUCKET + where, value)
        if not rows:
            return None
        key, name, unit, window, *figures, first, last = rows[0]
        bucket = Bucket(key, name, Unit(unit), WINDOW.validate_json(window), *figures)
        bucket.first, bucket.last = self._shown(bucket, first, last)
        return self._set.bring(bucket)

    def _shown(self, bucket: Bucket, *moments: float | None) -> list[float | None]:
        """Return moments at which slots of a bucket expire as the wall clock will show them."""
        ahead = self._set.ahead_of(bucket.window)
        return [None if at is None else at - ahead for at in moments]

    def _freshen(self, bucket: Bucket, now: float) -> None:
        """Remove what has expired, and pull in what a clock that was set back made too late."""
        self._expire(bucket, now)
        # Not by the moment at which somebody asked: a process that stood still since then set no clock back.
        latest = bucket.beyond(max(now, self.steady.wall), self._guard)
        if latest is not None:
            self._pull_in(bucket, latest)

    def _expire(self, bucket: Bucket, now: float) -> None:
        if bucket.is_due(now):
            write_slots(self._db, self._set.take_slots())
            gone = self._db.rows(
                "DELETE FROM slots WHERE bucket = ? AND expires_at <= ? RETURNING amount",
                bucket.key,
                now + self._set.ahead_of(bucket.window),
            )
            ends = self._db.rows(
                "SELECT (SELECT min(expires_at) FROM slots WHERE bucket = ?1),"
                " (SELECT max(expires_at) FROM slots WHERE bucket = ?1)",
                bucket.key,
            )
            self._set.touch(bucket).forget(sum(amount for (amount,) in gone), *self._shown(bucket, *ends[0]))

    def _pull_in(self, bucket: Bucket, latest: float) -> None:
        write_slots(self._db, self._set.take_slots())
        sql = "DELETE FROM slots WHERE bucket = ? AND expires_at > ? RETURNING attempt, amount"
        gone = self._db.rows(sql, bucket.key, latest + self._set.ahead_of(bucket.window))
        first = None if bucket.first is None or bucket.first > latest else bucket.first
        self._set.touch(bucket).forget(sum(amount for _, amount in gone), first, latest)
        for attempt, amount in gone:
            self._set.add(bucket, Part(amount, latest), attempt)

    def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False changes nothing."""
        settlement = self.steady.told(settlement)
        held = self._held.pop(attempt_id, None) or next(iter(self._read_held("id = ?", attempt_id)), None)
        if held is None or not self._db.changes(END_ATTEMPT, *ended_row(held, settlement), attempt_id):
            return False
        for key, _ in held.holds:
            if key not in self._set.by_key:
                self._find("id = ?", key)
        for charge in settlement.charges:
            self._expire(
                self._set.buckets.get(charge.bucket) or self._bring(charge.bucket, charge.limit), settlement.at
            )
        if settlement.limit_updates or settlement.samples:
            self._bring_limit_updates(settlement)
        self._set.end(held, settlement, self.steady.wall)
        return True

    def _bring_limit_updates(self, settlement: Settlement) -> None:
        if not self._learned:
            self._learned = True
            self._set.observations.update(read_observations(self._db))
            self._set.factors.update(read_factors(self._db))
        for update in settlement.limit_updates:
            bucket = self._set.buckets.get(update.observation.bucket) or self._find(
                "name = ?", update.observation.bucket
            )
            if bucket is None and (update.begins or update.observation.unlisted is not None):
                bucket = self._bring(update.observation.bucket, update.limit)
            if bucket is not None:
                # A settlement may come late: its moment shows what has expired, not whether the clock was set back.
                self._expire(bucket, settlement.at)

    def _read_held(self, where: str, *values: Value) -> list[HeldRow]:
        rows = self._db.rows(_HELD + where, *values)
        return [HeldRow(name, worst, prompt, output, read_holds(holds)) for name, worst, prompt, output, holds in rows]

    def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle an unconfirmed attempt by hand; False changes nothing."""
        self.flush()
        done = reconcile(self._db, attempt_id, cost, at, note)
        self._renew()
        return done

    def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open buckets by hand; return what was closed until now."""
        self.flush()
        done = reopen(self._db, buckets, (at, who, note), self.steady.ahead)
        self._renew()
        return done

    def _recovered(self, now: float) -> bool:
        if self._recovered_at is not None and abs(now - self._recovered_at) < RECOVER_EVERY:
            return False
        return self.recover(now) > 0

    def recover(self, now: float) -> int:
        """Make unconfirmed what dead owners still hold; return how many attempts that were."""
        self._recovered_at = now
        return self._session.recover()

    def take_back(self) -> int:
        """Make unconfirmed what is held by owners that are not on the list any more."""
        orphans = self._read_held("owner IS NOT NULL AND owner NOT IN (SELECT id FROM owners)")
        now = self.steady.wall if self._recovered_at is None else self._recovered_at
        for held in orphans:
            self.settle(held.attempt_id, orphaned(held, now))
        return len(orphans)

    def keep_small(self, keep_days: float) -> bool:
        """Fold old rows; return whether there are more."""
        self.flush()
        # By the clock that shows less: what has expired by both.
        more = keep_small(self._db, self.steady.wall + min(0.0, self.steady.ahead), keep_days)
        self._renew()
        return more
