"""Bring a file up to date in processes that are killed before their first statement, their second, and so on.

Each gets a copy of the file, in a folder of its own named after the statement. Prints how many were killed.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from shunpike.ledger.schema import LEDGER
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.storage.sqlite.schema import DATABASE, migrate


def die_at(number: int) -> None:
    """Let this process be killed when it is about to run its so-manieth statement."""
    plain: Any = SqliteConnection.rows
    left = iter(range(number - 1, -1, -1))

    def rows(self: SqliteConnection, sql: str, *values: Any) -> Any:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, sql, *values)

    SqliteConnection.rows = rows  # type: ignore[method-assign]  # the fail-point


def main(file: Path) -> None:
    """Go on until a process comes to the end of it."""
    for number in count(1):
        folder = file.parent / str(number)
        folder.mkdir()
        copy = folder / file.name
        copy.write_bytes(file.read_bytes())
        child = os.fork()
        if child == 0:
            connection = SqliteConnection(copy)
            die_at(number)
            try:
                migrate(connection, copy, [DATABASE, LEDGER], 1.0)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(number - 1)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
