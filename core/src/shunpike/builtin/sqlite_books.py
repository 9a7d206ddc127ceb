"""What is done inside a transaction: admit, settle, recover. One instance per writing connection.

The rules are those of the working set (``ledger/working_set.py``). What it knows of the file stays true until another
process commits, which SQLite tells by its data version; what changed is written once, right before the commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from pydantic import TypeAdapter
from typing_extensions import override

from shunpike.builtin.sqlite_clock import LedgerClock
from shunpike.builtin.sqlite_rows import ATTEMPT, END_ATTEMPT, insert_values, write_changes, write_slots
from shunpike.errors import AttemptExists
from shunpike.ledger.bookkeeper import Bookkeeper, Span
from shunpike.ledger.capabilities import RECOVER_EVERY
from shunpike.ledger.folding import Words, keep_small
from shunpike.ledger.queries import read_blocks, read_factors, read_observations, reconcile, reopen
from shunpike.ledger.rows import HeldRow, ended_row, holds_text, orphaned, read_holds
from shunpike.ledger.totals import DAY
from shunpike.ledger.windows import Window
from shunpike.ledger.working_set import Bucket, WorkingSet
from shunpike.storage.database import Value
from shunpike.storage.sqlite.session import Keeper, Session
from shunpike.storage.sqlite.transaction import run
from shunpike.types import Limit, Money, Reopening, Reservation, Settlement, Unit

WINDOW: TypeAdapter[Window] = TypeAdapter(Window)
WORDS = Words(day_of=f"CAST(started_at / {DAY} AS INTEGER)", texts="(SELECT value FROM json_each(?))")
_PAGE = 200

_BUCKET = """
SELECT id, name, unit, "window", used, in_flight, ceiling, counts, admitted_at,
       (SELECT min(expires_at) FROM slots WHERE bucket = buckets.id),
       (SELECT max(expires_at) FROM slots WHERE bucket = buckets.id)
FROM buckets WHERE """
_HELD = "SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts WHERE state = 'held' AND "


class SqliteBooks(Bookkeeper, Keeper):
    """Works on one session, inside the transactions of others."""

    def __init__(self, session: Session, guard: float, clock: LedgerClock) -> None:
        super().__init__(guard, clock.steady)
        self._db = session.connection
        self._session = session
        self._clock = clock
        self.steady = clock.steady
        self._recovered_at: float | None = None
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
        for block in run(read_blocks(self._session.tx)):
            self._set.blocks.bring(block.moved(-self.steady.ahead))

    @override
    def flush(self) -> None:
        """Write what changed. To be called last in every transaction."""
        write_changes(self._db, self._set.take_changes())

    @override
    def _begin(self, reservation: Reservation, held: HeldRow) -> None:
        if not self._db.changes(ATTEMPT, *insert_values(reservation, self._session.owner.id, holds_text(held.holds))):
            raise AttemptExists(f"attempt {reservation.attempt_id!r} is already in the ledger")
        self._held[held.attempt_id] = held

    @override
    def _end(self, attempt_id: str, settlement: Settlement) -> HeldRow | None:
        held = self._held.pop(attempt_id, None) or next(iter(self._read_held("id = ?", attempt_id)), None)
        done = held is not None and self._db.changes(END_ATTEMPT, *ended_row(held, settlement), attempt_id)
        return held if done else None

    @override
    def _ended(self, bucket: Bucket) -> Iterator[tuple[float, int]]:
        """Page by page: one page nearly always tells when a full limit opens."""
        write_slots(self._db, self._set.take_slots())
        sql = "SELECT expires_at, amount FROM slots WHERE bucket = ? ORDER BY expires_at LIMIT ? OFFSET ?"
        ahead = self._set.ahead_of(bucket.window)
        for start in count(0, _PAGE):
            page = self._db.rows(sql, bucket.key, _PAGE, start)
            yield from ((float(expires) - ahead, int(amount)) for expires, amount in page)
            if len(page) < _PAGE:
                return

    @override
    def _make(self, name: str, limit: Limit) -> Bucket:
        window = WINDOW.dump_json(limit.window).decode()
        self._db.rows('INSERT INTO buckets (name, unit, "window") VALUES (?, ?, ?)', name, limit.unit.value, window)
        found = self._find(name)
        assert found is not None  # noqa: S101 - it was just written, in this transaction
        return found

    @override
    def _find(self, name: str | int) -> Bucket | None:
        rows = self._db.rows(_BUCKET + ("name = ?" if isinstance(name, str) else "id = ?"), name)
        if not rows:
            return None
        key, known_as, unit, window, *figures, admitted_at, first, last = rows[0]
        bucket = Bucket(key, known_as, Unit(unit), WINDOW.validate_json(window), *figures)
        bucket.admitted_at, bucket.first, bucket.last = self._shown(bucket, admitted_at, first, last)
        return self._set.bring(bucket)

    def _shown(self, bucket: Bucket, *moments: float | None) -> list[float | None]:
        """Return moments at which slots of a bucket expire as the wall clock will show them."""
        ahead = self._set.ahead_of(bucket.window)
        return [None if at is None else at - ahead for at in moments]

    @override
    def _drop(self, bucket: Bucket, now: float) -> tuple[int, Span]:
        write_slots(self._db, self._set.take_slots())
        sql = "DELETE FROM slots WHERE bucket = ? AND expires_at <= ? RETURNING amount"
        gone = self._db.rows(sql, bucket.key, now + self._set.ahead_of(bucket.window))
        sql = "SELECT min(expires_at), max(expires_at) FROM slots WHERE bucket = ?"
        return sum(amount for (amount,) in gone), Span(*self._shown(bucket, *self._db.rows(sql, bucket.key)[0]))

    @override
    def _take_out(self, bucket: Bucket, latest: float) -> list[tuple[str, int]]:
        write_slots(self._db, self._set.take_slots())
        sql = "DELETE FROM slots WHERE bucket = ? AND expires_at > ? RETURNING attempt, amount"
        return [
            (name, amount)
            for name, amount in self._db.rows(sql, bucket.key, latest + self._set.ahead_of(bucket.window))
        ]

    @override
    def _bring_learned(self, settlement: Settlement) -> None:
        if not self._learned:
            self._learned = True
            self._set.observations.update(run(read_observations(self._session.tx)))
            self._set.factors.update(run(read_factors(self._session.tx)))

    def _read_held(self, where: str, *values: Value) -> list[HeldRow]:
        rows = self._db.rows(_HELD + where, *values)
        return [HeldRow(name, worst, prompt, output, read_holds(holds)) for name, worst, prompt, output, holds in rows]

    def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle an unconfirmed attempt by hand; False changes nothing."""
        self.flush()
        done = run(reconcile(self._session.tx, attempt_id, cost, at, note))
        self._renew()
        return done

    def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open buckets by hand; return what was closed until now."""
        self.flush()
        done = run(reopen(self._session.tx, buckets, at, who, note, self.steady.ahead))
        self._renew()
        return done

    @override
    def _may_recover(self, now: float) -> bool:
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
        past = self.steady.wall + min(0.0, self.steady.ahead)
        more = run(keep_small(self._session.tx, WORDS, past, keep_days))
        self._renew()
        return more
