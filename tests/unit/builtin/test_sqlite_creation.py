"""What a process that was killed leaves beside a ledger that it had begun goes with the next that opens it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from shunpike.builtin.sqlite import SqliteStore
from shunpike_testkit.clock import VirtualClock


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=VirtualClock())
    try:
        yield store
    finally:
        await store.aclose()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


async def test_what_a_killed_process_had_begun_is_removed_and_what_a_living_one_begins_is_not(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with opened(path) as store:
        await store.check()
    for end in ("", "-wal", "-shm", "-journal", "-lock"):
        (tmp_path / f"ledger.db-new-dead{end}").write_bytes(b"half")
    (tmp_path / "ledger.db-new-older").write_bytes(b"of a time without locks")
    (tmp_path / "other.db-new-cafe").write_bytes(b"of another ledger")
    script = (
        "import sys, pathlib; from shunpike.storage.file_lock import try_lock; "
        "f = open(sys.argv[1], 'xb'); assert try_lock(f); print('held', flush=True); sys.stdin.read()"
    )
    living = [tmp_path / f"ledger.db-new-beef{end}" for end in ("", "-lock")]
    living[0].write_bytes(b"half")
    async with await anyio.open_process([sys.executable, "-c", script, str(living[1])]) as process:
        assert process.stdout is not None
        assert (await process.stdout.receive()).startswith(b"held")
        async with opened(path) as store:
            await store.check()
        assert names(tmp_path) == ["ledger.db", *[one.name for one in living], "other.db-new-cafe"]
        process.kill()
    async with opened(path) as store:
        await store.check()
    assert names(tmp_path) == ["ledger.db", "other.db-new-cafe"]
