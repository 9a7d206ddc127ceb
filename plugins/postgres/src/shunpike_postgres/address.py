"""Where the database is: an address that may hold a password, which is shown nowhere."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from typing_extensions import override

from shunpike.errors import ConfigError

_SHOWN = ("user", "host", "port", "dbname")


class Address:
    """A ``postgresql://`` address. Its text is without secrets. Raises `ConfigError` for one that is none."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = _parts(url)
        if parts is None:
            # What is wrong with it may be its password: neither it nor the library's words are passed on.
            raise ConfigError(
                "the store's address is no PostgreSQL address", hint="write postgresql://user@host:5432/database"
            )
        if _misread(url, parts):
            raise ConfigError(
                "the store's address can't be told apart from its password",
                hint="write each of / @ : ? # in the password as a percent code, as in %2F",
            )
        self._shown = {name: str(parts[name]) for name in _SHOWN if parts.get(name)}

    @property
    def conninfo(self) -> str:
        """The address for the library, with its secrets."""
        return self._url

    @override
    def __str__(self) -> str:
        """Return user, host, port and database."""
        user = f"{self._shown['user']}@" if "user" in self._shown else ""
        port = f":{self._shown['port']}" if "port" in self._shown else ""
        return f"postgresql://{user}{self._shown.get('host', '')}{port}/{self._shown.get('dbname', '')}"

    @override
    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _misread(url: str, parts: dict[str, Any]) -> bool:
    """Tell whether a chunk of a password, written as it is, was taken for something that would be shown."""
    odd = any("@" in str(parts.get(name, "")) for name in ("host", "dbname"))
    numbers = set(str(parts.get("port", ""))) <= set("0123456789,")
    behind = url.partition("://")[2].partition("?")[0].partition("/")[2]
    return odd or not numbers or "@" in behind


def _parts(url: str) -> dict[str, Any] | None:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return None
