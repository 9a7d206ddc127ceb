"""What the file keeps of blocks: reading them, and opening them by hand."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.ledger.records import BLOCK, REOPENED, block_of, reopening_of, reopening_values
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.types import Block, Reopening

_DELETE = f"DELETE FROM closures WHERE bucket = ? RETURNING {BLOCK}"  # noqa: S608 - a constant
_WRITE_DOWN = f"INSERT INTO reopened ({REOPENED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant


def read_blocks(connection: SqliteConnection, now: float = 0.0, ahead: float = 0.0) -> Sequence[Block]:
    """Return what is closed at ``now``; steady time is ``ahead`` of the wall's."""
    sql = f"SELECT {BLOCK} FROM closures WHERE until > ?"  # noqa: S608 - a constant
    return [block_of(row).moved(-ahead) for row in connection.rows(sql, now + ahead)]


def read_reopened(connection: SqliteConnection) -> Sequence[Reopening]:
    """Return what was opened by hand, oldest first."""
    sql = f"SELECT {REOPENED} FROM reopened ORDER BY at, bucket"  # noqa: S608 - a constant
    return [reopening_of(row) for row in connection.rows(sql)]


def reopen(
    connection: SqliteConnection, buckets: Sequence[str], by: tuple[float, str, str], ahead: float
) -> Sequence[Reopening]:
    """Remove blocks and write down when, by whom and why; return those that were there, as they were."""
    at, who, note = by
    done = []
    for bucket in dict.fromkeys(buckets):
        for row in connection.rows(_DELETE, bucket):
            done.append(Reopening(block=block_of(row).moved(-ahead), at=at, who=who, note=note))
            connection.rows(_WRITE_DOWN, *reopening_values(done[-1]))
    return done
