"""What the core asks this package for."""

from __future__ import annotations

from shunpike.hookspecs import hookimpl
from shunpike.protocols import Store
from shunpike_postgres.store import open_postgres

SCHEMES = ("postgresql:", "postgres:")


class Postgres:
    """The ``postgresql:`` store."""

    @hookimpl
    def shunpike_store(self, url: str) -> Store | None:
        """Return the store of ``postgresql://user@host/database``. Raises `ConfigError` for an address that is none."""
        return open_postgres(url) if url.startswith(SCHEMES) else None


plugin = Postgres()
