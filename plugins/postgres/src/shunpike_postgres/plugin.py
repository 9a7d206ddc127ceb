"""What the core asks this package for."""

from __future__ import annotations

from shunpike.clock import Clock
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Store

SCHEMES = ("postgresql:", "postgres:")


class Postgres:
    """The ``postgresql:`` store."""

    @hookimpl
    def shunpike_store(self, url: str, clock: Clock) -> Store | None:
        """Return the store of ``postgresql://user@host/database``. Raises `ConfigError` for an address that is none."""
        if not url.startswith(SCHEMES):
            return None
        # The database's library is loaded only by those who keep their ledger there.
        from shunpike_postgres.store import open_postgres

        return open_postgres(url, clock=clock)


plugin = Postgres()
