"""The change feed: what is known of the topics' revisions, and how old that is.

The server tells a listener of every announcement at once (``NOTIFY``). A line may be dead without anybody noticing, so
what is known is also looked at again while somebody asks: nobody goes by what is as old as `SEEN_WITHIN`. From half
that age on one looks, and others go by what is known meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import NamedTuple

import psycopg

from shunpike.clock import Clock
from shunpike.storage.database import SEEN_WITHIN
from shunpike_postgres.address import Address
from shunpike_postgres.connection import connect
from shunpike_postgres.transaction import CHANNEL

_AFTER_A_LOSS = 1.0


class _Known(NamedTuple):
    revision: int
    as_of_mono: float


class Feed:
    """Told by the worker's thread, asked by any."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._looked_mono: dict[str, float] = {}
        self.is_listening = False
        """Whether what is announced from now on is heard at once."""

    def known(self, topic: str) -> int | None:
        """Return the revision of ``topic``, None for whoever has to look; whoever asks next need not, for a while."""
        now_mono, known = self._clock.monotonic(), self._known.get(topic)
        if known is not None:
            age, soon = now_mono - known.as_of_mono, SEEN_WITHIN / 2
            if age < soon or (age < SEEN_WITHIN and now_mono - self._looked_mono.get(topic, 0.0) < soon):
                return known.revision
        self._looked_mono[topic] = now_mono
        return None

    def tell(self, topic: str, revision: int, as_of_mono: float | None = None) -> None:
        """Take in a revision: as a look found it that was begun at ``as_of_mono``, None = as it was announced by now.

        Only a newer look tells a smaller one: announcements come in any order.
        """
        told = _Known(revision, self._clock.monotonic() if as_of_mono is None else as_of_mono)
        known = self._known.get(topic)
        if known is not None and (as_of_mono is None or as_of_mono < known.as_of_mono):
            told = _Known(max(revision, known.revision), max(told.as_of_mono, known.as_of_mono))
        self._known[topic] = told

    async def listen(self) -> None:
        """Hear what is announced, until cancelled. A line that is lost is made anew: meanwhile others look."""
        while True:
            with suppress(psycopg.Error, OSError):
                async with await connect(self._address) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.is_listening = True
                    async for notice in connection.notifies():
                        topic, revision = json.loads(notice.payload)
                        self.tell(topic, revision)
            self.is_listening = False
            await asyncio.sleep(_AFTER_A_LOSS)
