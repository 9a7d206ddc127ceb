"""The adversary (``adversary.py``) plays against a file and against a server.

Runs: ``SHUNPIKE_LAWS_RUNS`` (200 without it).
"""

from __future__ import annotations

import os
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings

from shunpike.builtin.sqlite import SqliteStore
from shunpike_postgres import session
from shunpike_postgres.shift import IGNORED, Shift
from shunpike_postgres.store import PostgresStore

from ..postgres import Server  # noqa: TID252 - the tests are no package
from .adversary import START, Adversary

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

RUNS = int(os.environ.get("SHUNPIKE_LAWS_RUNS", "200"))


class ServedAdversary(Adversary):
    """The same, on a server, whose clock is not set together with the machine's."""

    server: ClassVar[Server]

    def begin(self) -> None:
        self.url = self.server.emptied()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(session, "measured", self.measured)

    async def measured(self, *_: object) -> Shift:
        """Tell how far the server's clock is ahead of the machine's, as asking a real one would."""
        away = START + self.clock.monotonic() - self.clock.now()
        return Shift() if abs(away) < IGNORED else Shift(away)

    def open_store(self) -> SqliteStore | PostgresStore:
        return PostgresStore(self.url, clock=self.clock)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.patch.undo()


@pytest.fixture(autouse=True, scope="module")
def _server(postgres: Server) -> None:
    ServedAdversary.server = postgres


TestAdversary, TestServedAdversary = Adversary.TestCase, ServedAdversary.TestCase
TestAdversary.settings = TestServedAdversary.settings = settings(
    max_examples=RUNS,
    stateful_step_count=30,
    deadline=None,
    derandomize=RUNS == 200,
    database=None,
    suppress_health_check=list(HealthCheck),
)
