"""The store of decisions on a `Database`: SQLite's and PostgreSQL's alike, the SQL written once.

A record is handed to the database's one writer and rides with what it commits next, so that no request waits for it.
What could not be written is tried again with the next record, and at the latest when somebody reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from threading import Lock

from typing_extensions import override

from shunpike.decisions.store import KEEP_DAYS, PAGE, ROOM, DecisionStore
from shunpike.decisions.written import decision_of, texts_of
from shunpike.errors import StoreError
from shunpike.storage import Database, Migrations, Row, Transaction, Value
from shunpike.types import Decision
from shunpike.types.limit_updates import kept as storable

MOST_CHARACTERS = 256_000_000
"""Characters of all records together that are kept: the oldest go first."""
CHUNK = 2_000
"""Records that are dropped at once."""
_DAY = 86_400.0

MIGRATIONS = Migrations(
    store="decisions",
    steps=(
        (
            """CREATE TABLE decision_records (
                number TEXT PRIMARY KEY,
                request_id TEXT NOT NULL,
                at REAL NOT NULL,
                size INTEGER NOT NULL CHECK (size > 0),
                record TEXT NOT NULL
            ) STRICT, WITHOUT ROWID""",
            "CREATE INDEX decision_records_by_request ON decision_records (request_id)",
            "CREATE INDEX decision_records_by_time ON decision_records (at, size)",
        ),
    ),
)
_WRITE = """
INSERT INTO decision_records (number, request_id, at, size, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_OF = "SELECT record FROM decision_records WHERE request_id = ? ORDER BY at, number"
_LATEST = "SELECT record FROM decision_records WHERE at < ? ORDER BY at DESC, number DESC LIMIT ?"
_CHUNK_END = "SELECT MAX(at) FROM (SELECT at FROM decision_records WHERE at <= ? ORDER BY at LIMIT ?) AS oldest"
_TOO_MUCH = """
SELECT MAX(at) FROM (SELECT at, SUM(size) OVER (ORDER BY at DESC) AS total FROM decision_records) AS summed
WHERE total > ?"""
_DROP = "DELETE FROM decision_records WHERE at <= ?"
_END_OF_TIME = 1e18
_numbers = itertools.count(1)
"""Of the records of this process: with its name as an owner, each record has a name that no other has."""


class DatabaseDecisions(DecisionStore):
    """Records in a table of their own, beside the ledger's.

    Args:
        database: Shared with the ledger, which opens and closes it.
        keep_days: Days after which a record is dropped.
        most: Characters of all records together, at most.

    """

    def __init__(self, database: Database, keep_days: float = KEEP_DAYS, most: int = MOST_CHARACTERS) -> None:
        self._database = database
        self._keep_seconds = keep_days * _DAY
        self._most = most
        self._lock = Lock()
        self._unwritten: dict[int, Decision] = {}
        """Number → what is not known to be durable yet."""
        self._is_queued = False
        self.lost = 0
        """How many records there was no room for."""
        database.enroll(MIGRATIONS, upkeep=self._keep_small)

    @override
    def keep(self, decision: Decision) -> None:
        with self._lock:
            if len(self._unwritten) >= ROOM:
                del self._unwritten[next(iter(self._unwritten))]
                self.lost += 1
            self._unwritten[next(_numbers)] = decision
            if self._is_queued:
                return
            self._is_queued = True
        writing = _Writing(self)
        try:
            self._database.later(writing.write, writing.over)
        except StoreError:  # It is closed: what is kept after the end is nobody's business any more.
            self._is_queued = False

    def waiting(self) -> dict[int, Decision]:
        """Return number → record of all that is not known to be durable; what comes from now on is not in it."""
        with self._lock:
            self._is_queued = False
            return dict(self._unwritten)

    def forget(self, numbers: Sequence[int]) -> None:
        """Let go of records that are durable."""
        with self._lock:
            for number in numbers:
                self._unwritten.pop(number, None)

    @override
    async def of(self, request_id: str) -> Sequence[Decision]:
        return await self._read(_OF, storable(request_id))

    @override
    async def latest(self, before: float | None = None, limit: int = 100) -> Sequence[Decision]:
        return await self._read(_LATEST, _END_OF_TIME if before is None else before, min(limit, PAGE))

    async def _read(self, sql: str, *values: Value) -> Sequence[Decision]:
        await self.flush()

        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(sql, *values)

        rows = await self._database.read(work)
        found = [one for (text,) in rows if (one := _read_back(str(text))) is not None]
        if rows and not found:
            raise StoreError(
                "what is kept of the decision can't be read: it is damaged, or of a later version of shunpike",
                hint="upgrade shunpike wherever this store is used   ·   look at the file: shunpike doctor",
            )
        return found

    @override
    async def flush(self) -> None:
        """Write what is not written yet. Raises `StoreError`."""
        if self._unwritten:
            writing = _Writing(self)
            await self._database.transaction(writing.write)
            writing.over(None)

    async def _keep_small(self, tx: Transaction) -> bool:
        """Drop some of what is too old or too much; return whether there is more."""
        end = tx.now - self._keep_seconds
        [(too_much,)] = await tx.rows(_TOO_MUCH, self._most)
        if too_much is not None:
            end = max(end, too_much)
        [(chunk_end,)] = await tx.rows(_CHUNK_END, end, CHUNK)
        if chunk_end is None:
            return False
        await tx.execute(_DROP, chunk_end)
        return bool(chunk_end < end)


class _Writing:
    """One try to write all that there is. Where an earlier one has worked, and is not known to have, it adds nothing.

    Its methods are called one after the other, be it in another thread.
    """

    def __init__(self, store: DatabaseDecisions) -> None:
        self._store = store
        self._taken: tuple[int, ...] = ()

    async def write(self, tx: Transaction) -> None:
        waiting = self._store.waiting()
        self._taken = tuple(waiting)
        texts = texts_of([*waiting.values()])
        rows: list[tuple[Value, ...]] = [
            (f"{tx.owner}-{number}", storable(one.request_id), one.began_at, len(text), text)
            for (number, one), text in zip(waiting.items(), texts, strict=True)
        ]
        if rows:
            await tx.many(_WRITE, rows)

    def over(self, error: BaseException | None) -> None:
        if error is None:
            self._store.forget(self._taken)


def _read_back(text: str) -> Decision | None:
    """Return the record, None where it can't be read: it is not to hide the others."""
    try:
        return decision_of(text)
    except (ValueError, RecursionError):
        return None
