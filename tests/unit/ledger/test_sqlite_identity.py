"""One file is one ledger, under whatever name it is opened; what is done to it while it is open is noticed."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import apsw
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.errors import StoreError
from shunpike.storage.sqlite.file import is_mounted
from shunpike.types import Denial, Grant, Held, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import hold, reservation, settled

CALL = hold(1, 1, Unit.CONCURRENT, Held())
"""One call at a time."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there an open file can't be removed or renamed")


@asynccontextmanager
async def opened(path: Path, clock: VirtualClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=clock)
    try:
        yield store
    finally:
        await store.aclose()


def locks(folder: Path) -> list[Path]:
    return list(folder.glob("*-owner-*"))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("ledger.db*"))


async def test_a_file_opened_through_a_symlink_is_the_same_ledger(tmp_path: Path) -> None:
    """Whoever came by the other name took the first one for dead, and gave its call away."""
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link.db"
    link.symlink_to(path)
    async with opened(path, clock) as first, opened(link, clock) as second:
        assert isinstance(await first.admit(reservation("a", clock.now(), CALL)), Grant)
        assert isinstance(await second.admit(reservation("b", clock.now(), CALL)), Denial)
        assert await first.settle("a", settled(clock.now()))
        assert isinstance(await second.admit(reservation("b", clock.now(), CALL)), Grant)
        await second.check()


async def test_a_symlink_to_nothing_begins_a_ledger_where_it_leads(tmp_path: Path) -> None:
    clock, path, link = VirtualClock(), tmp_path / "ledger.db", tmp_path / "link.db"
    link.symlink_to(path)
    async with opened(link, clock) as store:
        assert isinstance(await store.admit(reservation("a", clock.now(), CALL)), Grant)
    assert path.stat().st_size
    assert link.is_symlink()


async def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    """Each of its names would have a write-ahead log of its own, of which the other knows nothing."""
    clock, path, other = VirtualClock(), tmp_path / "ledger.db", tmp_path / "other.db"
    async with opened(path, clock) as first:
        assert isinstance(await first.admit(reservation("a", clock.now(), CALL)), Grant)
        other.hardlink_to(path)
        async with opened(other, clock) as second:
            with pytest.raises(StoreError, match="has 2 names") as caught:
                await second.admit(reservation("b", clock.now(), CALL))
            assert str(other) in caught.value.message
            assert caught.value.hint
        assert await first.settle("a", settled(clock.now()))
        other.unlink()
        await first.check()


async def test_a_first_start_that_was_cut_off_is_tidied_up(tmp_path: Path) -> None:
    """A new ledger gets its name by a link; whoever is killed right then leaves two."""
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    async with opened(path, clock) as store:
        await store.check()
    (tmp_path / "ledger.db-new-0123").hardlink_to(path)
    async with opened(path, clock) as store:
        await store.check()
    assert files(tmp_path) == ["ledger.db"]


def remove(lock: Path) -> None:
    lock.unlink()


def replace(lock: Path) -> None:
    """As a backup that is played back does it: the same name, nobody's lock."""
    lock.with_name("copy").touch()
    lock.with_name("copy").replace(lock)


@pytest.mark.parametrize("damage", [remove, replace])
async def test_a_living_process_is_not_taken_for_dead_when_its_lock_file_goes(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    async with opened(path, clock) as first:
        assert isinstance(await first.admit(reservation("a", clock.now(), CALL)), Grant)
        (lock,) = locks(tmp_path)
        damage(lock)
        async with opened(path, clock) as second:
            assert isinstance(await second.admit(reservation("b", clock.now(), CALL)), Denial)
            assert await second.recover(clock.now()) == 0
            assert await first.settle("a", settled(clock.now()))
            assert isinstance(await first.admit(reservation("c", clock.now(), CALL)), Grant)
            assert lock in locks(tmp_path), "it is made again"
            assert await first.settle("c", settled(clock.now()))
            await second.check()
    assert locks(tmp_path) == []


async def test_a_dead_process_is_taken_for_dead_also_without_its_lock_file(tmp_path: Path) -> None:
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    async with opened(path, clock) as first:
        assert isinstance(await first.admit(reservation("a", clock.now(), CALL)), Grant)
    assert locks(tmp_path) == []
    file = apsw.Connection(str(path))
    file.execute("INSERT INTO owners VALUES ('gone', 1, 0.0, 'another/start/1/0', 5)")
    file.execute("UPDATE attempts SET owner = 'gone'")
    file.close()
    async with opened(path, clock) as second:
        assert isinstance(await second.admit(reservation("b", clock.now(), CALL)), Grant)
        await second.check()


def deleted(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)


def emptied(path: Path) -> None:
    path.unlink()
    path.touch()


def cut_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def all_deleted(path: Path) -> None:
    for one in path.parent.glob("ledger.db*"):
        one.unlink()


def log_deleted(path: Path) -> None:
    path.with_name("ledger.db-wal").unlink()


def index_deleted(path: Path) -> None:
    path.with_name("ledger.db-shm").unlink()


@pytest.mark.parametrize(
    "damage", [deleted, replaced, emptied, cut_to_nothing, moved, all_deleted, log_deleted, index_deleted]
)
async def test_what_happens_to_the_file_is_noticed_before_the_next_admission(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Two processes would each spend the whole budget, one of them on books that nobody sees."""
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    async with opened(path, clock) as store:
        assert isinstance(await store.admit(reservation("a", clock.now(), hold(1, 5))), Grant)
        damage(path)
        for name in ("b", "c"):
            with pytest.raises(StoreError, match=r"(deleted|replaced|emptied|moved) while it was open") as caught:
                await store.admit(reservation(name, clock.now(), hold(1, 5)))
            assert str(path) in caught.value.message
            assert "nothing is sent" in str(caught.value.hint)
        with pytest.raises(StoreError, match="while it was open"):
            await store.check()


async def test_a_file_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    async with opened(path, clock) as store:
        assert isinstance(await store.admit(reservation("a", clock.now(), hold(1, 5))), Grant)
        path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(StoreError, match="moved while it was open"):
            await store.admit(reservation("b", clock.now(), hold(1, 5)))
        (tmp_path / "elsewhere.db").rename(path)
        assert await store.settle("a", settled(clock.now()))
        await store.check()


async def test_a_symlink_that_leads_elsewhere_is_noticed(tmp_path: Path) -> None:
    clock, path, link = VirtualClock(), tmp_path / "ledger.db", tmp_path / "link.db"
    link.symlink_to(path)
    async with opened(tmp_path / "second.db", clock) as other, opened(link, clock) as store:
        await other.check()
        assert isinstance(await store.admit(reservation("a", clock.now(), hold(1, 5))), Grant)
        link.unlink()
        link.symlink_to(tmp_path / "second.db")
        with pytest.raises(StoreError, match="replaced while it was open"):
            await store.admit(reservation("b", clock.now(), hold(1, 5)))


async def refused(path: Path, match: str) -> StoreError:
    store = SqliteStore(path, clock=VirtualClock())
    with pytest.raises(StoreError, match=match) as caught:
        await store.admit(reservation("x", 0.0, hold(1, 5)))
    with pytest.raises(StoreError, match=match):
        await store.check()
    await store.aclose()
    assert str(path) in caught.value.message
    assert f"rm {path}" in str(caught.value.hint)
    return caught.value


async def test_an_empty_file_is_not_taken_for_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with opened(path, VirtualClock()) as store:
        await store.check()
    os.truncate(path, 0)
    await refused(path, "is empty")
    assert path.stat().st_size == 0
    path.unlink()
    async with opened(path, VirtualClock()) as store:
        await store.check()


async def test_a_ledger_that_is_missing_beside_its_log_is_not_begun_anew(tmp_path: Path) -> None:
    """What is left of it shows that there was one, and would be taken for the new one's."""
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    async with opened(path, clock) as store:
        assert isinstance(await store.admit(reservation("a", clock.now(), hold(1, 5))), Grant)
        path.unlink()
        await refused(path, "is missing")
    assert not path.exists()
    for left in files(tmp_path):
        (tmp_path / left).unlink()
    async with opened(path, clock) as store:
        assert isinstance(await store.admit(reservation("b", clock.now(), hold(1, 5))), Grant)


async def test_many_that_start_at_once_begin_one_ledger(tmp_path: Path) -> None:
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    stores = [SqliteStore(path, clock=clock) for _ in range(8)]
    answers: list[Grant | Denial] = []

    async def ask(number: int, store: SqliteStore) -> None:
        answers.append(await store.admit(reservation(f"a{number}", clock.now(), hold(1, 7))))

    async with anyio.create_task_group() as group:
        for number, store in enumerate(stores):
            group.start_soon(ask, number, store)
    await stores[0].check()
    assert sum(isinstance(one, Grant) for one in answers) == 7
    for number, store in enumerate(stores):
        await store.settle(f"a{number}", settled(clock.now()))
        await store.aclose()
    assert files(tmp_path) == ["ledger.db"]


@pytest.mark.parametrize("path", ["/app/ledger.db", "/app/my ledger.db"])
def test_a_file_that_is_mounted_by_itself_is_told(path: str) -> None:
    """Its log would lie in the container, while others have theirs beside the file."""
    lines = f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:1 /l.db {path.replace(' ', chr(92) + '040')} rw - ext4 x rw"
    assert is_mounted(Path(path), lines)
    assert not is_mounted(Path("/app/other.db"), lines)
