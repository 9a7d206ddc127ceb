"""What the database keeps of blocks: reading them, and opening them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from shunpike.ledger.records import BLOCK, REOPENED, block_of, reopening_of, reopening_values
from shunpike.types import Block, Reopening
from shunpike_postgres.connection import Connection

_CLOSED: LiteralString = f"SELECT {BLOCK} FROM closures WHERE until > %s"  # noqa: S608 - a constant
_REOPENED: LiteralString = f"SELECT {REOPENED} FROM reopened ORDER BY at, bucket"  # noqa: S608 - a constant
_DELETE: LiteralString = f"DELETE FROM closures WHERE bucket = %s RETURNING {BLOCK}"  # noqa: S608 - a constant
_WRITE_DOWN: LiteralString = f"INSERT INTO reopened ({REOPENED}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608 - a constant


async def read_blocks(connection: Connection, now: float) -> Sequence[Block]:
    """Return what is closed at ``now``."""
    return [block_of(row) for row in await (await connection.execute(_CLOSED, [now])).fetchall()]


async def read_reopened(connection: Connection) -> Sequence[Reopening]:
    """Return what was opened by hand, oldest first."""
    return [reopening_of(row) for row in await (await connection.execute(_REOPENED)).fetchall()]


async def reopen(connection: Connection, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
    """Remove blocks and write down who did it; return those that were there, as they were."""
    done = []
    async with connection.transaction():
        # In one order, so that two who open at once never wait for each other.
        for bucket in sorted(set(buckets)):
            row = await (await connection.execute(_DELETE, [bucket])).fetchone()
            if row is not None:
                done.append(Reopening(block=block_of(row), at=at, who=who, note=note))
                await connection.execute(_WRITE_DOWN, reopening_values(done[-1]))
    return done
