"""The change feed: what other processes announced."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from shunpike.clock import Clock
from shunpike.storage.database import SEEN_WITHIN, Database


async def changes(database: Database, topic: str, clock: Clock) -> AsyncGenerator[int, None]:
    """Yield the revision of ``topic`` now, and again whenever it was announced since, by whatever process.

    Several announcements close to each other may be one. Raises `StoreError` where the database can't be read.
    """
    seen = await database.revision(topic)
    yield seen
    while True:
        await clock.sleep(SEEN_WITHIN)
        revision = await database.revision(topic)
        if revision != seen:
            seen = revision
            yield seen
