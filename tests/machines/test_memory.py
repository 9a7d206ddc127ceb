"""One process at a time may keep its ledger in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import anyio
import pytest

from shunpike.builtin import one_process
from shunpike.builtin.memory import MemoryStore, open_memory
from shunpike.errors import StoreError
from shunpike.types import Grant
from shunpike_testkit.stores import hold, reservation, settled

CALLS = hold(1, 100)
OTHER = """
import anyio, sys, time
from shunpike.builtin.memory import open_memory
from shunpike_testkit.stores import hold, reservation
async def main():
    store = open_memory("memory:")
    await store.admit(reservation("theirs", time.time(), hold(1, 100)))
    print("holding", flush=True)
    await anyio.to_thread.run_sync(sys.stdin.readline)
    await store.aclose()
anyio.run(main)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks")


@contextmanager
def another() -> Iterator[subprocess.Popen[str]]:
    """Another process that has a ledger in memory."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", OTHER], text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        try:
            yield process
        finally:
            process.kill()


async def admitted(store: MemoryStore, name: str = "a") -> bool:
    return isinstance(await store.admit(reservation(name, time.time(), CALLS)), Grant)


async def test_a_second_process_is_refused_until_the_first_one_is_gone() -> None:
    """However the first one ends."""
    with another() as first:
        store = open_memory("memory:")
        with pytest.raises(StoreError, match=rf"another process \({first.pid}\) keeps its ledger in memory") as caught:
            await admitted(store)
        assert "sqlite:" in str(caught.value.hint)
        assert await admitted(MemoryStore()), "a store that is nobody's address is for tests, and asks nobody"
        first.kill()
        first.wait()
        assert await admitted(store)
        await store.aclose()
    with another():
        pass


def lock_of(folder: Path) -> Path:
    (lock,) = folder.rglob("memory-ledger.lock")
    return lock


async def test_a_lock_file_that_was_removed_lets_nobody_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made again before the next admission; who began in between is the one that goes on."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    store = open_memory("memory:")
    assert await admitted(store)
    lock_of(tmp_path).unlink()
    assert await admitted(store, "b")
    with pytest.raises(AssertionError), another():
        pass
    lock_of(tmp_path).unlink()
    with another():
        with pytest.raises(StoreError, match="keeps its ledger in memory"):
            await admitted(store, "c")
        assert await store.settle("b", settled(time.time()))
    assert await admitted(store, "c")
    await store.aclose()


async def test_stores_of_one_process_are_its_own_affair() -> None:
    """Each keeps its own limits; the place is free when the last one is closed."""
    one, two = open_memory("memory:"), open_memory("memory:")
    assert await admitted(one)
    assert await admitted(two)
    await one.aclose()
    await one.aclose()
    assert not starts()
    await two.aclose()
    assert starts()


def starts() -> bool:
    """Return whether another process may begin now."""
    done = subprocess.run([sys.executable, "-c", OTHER], input="\n", text=True, capture_output=True, check=False)
    return done.returncode == 0


async def test_the_place_may_change_while_stores_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each store lets go of the place that it took, and only when no other of this process needs it."""
    first, second = open_memory("memory:"), open_memory("memory:")
    assert await admitted(first)
    before = os.environ["XDG_RUNTIME_DIR"]
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "elsewhere"))
    assert await admitted(second)
    assert not starts()
    monkeypatch.setenv("XDG_RUNTIME_DIR", before)
    assert not starts(), "the first one is still open"
    await second.aclose()
    assert not starts()
    await first.aclose()
    assert starts()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "elsewhere"))
    assert starts()


def test_threads_that_begin_and_end_stores_at_once_hold_the_place_together() -> None:
    """Whoever has one open has the place; when all are closed, it is free."""
    together = threading.Barrier(8)

    async def live() -> None:
        for _ in range(50):
            together.wait(60)
            store = open_memory("memory:")
            try:
                assert await admitted(store)
            finally:
                await store.aclose()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            lives = [threads.submit(anyio.run, live) for _ in range(8)]
        for life in lives:
            life.result()
    finally:
        sys.setswitchinterval(interval)
    assert starts()


async def test_a_fork_while_a_store_begins_does_not_share_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child would keep the place taken after its parent's death, and nobody could tell by whom."""
    children: list[int] = []
    locked, forked = threading.Event(), threading.Event()
    plain = one_process.try_lock

    def slowly(file: IO[bytes]) -> bool:
        done = plain(file)
        locked.set()
        # The fork waits for us where all is well; it gets the time to come first where it does not.
        forked.wait(0.5)
        return done

    def fork() -> None:
        locked.wait(60)
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
        forked.set()

    monkeypatch.setattr(one_process, "try_lock", slowly)
    thread = threading.Thread(target=fork)
    thread.start()
    store = open_memory("memory:")
    assert await admitted(store)
    thread.join()
    try:
        await store.aclose()
        assert starts()
    finally:
        os.kill(children[0], signal.SIGKILL)
        ended(children[0])


async def test_a_forked_child_may_not_go_on_with_its_parents_ledger() -> None:
    store = open_memory("memory:")
    assert await admitted(store)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.admit(reservation("b", time.time(), CALLS)).send(None)
        except StoreError as error:
            code = 0 if "before a fork" in error.message else 2
        finally:
            os._exit(code)
    assert ended(child) == 0
    await store.aclose()


def ended(child: int) -> int:
    """Return how a forked child ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def test_a_place_that_others_could_write_to_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "xdg_runtime_dir" / f"shunpike-{os.getuid()}"
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="is not a folder of yours alone"):
        await admitted(open_memory("memory:"))
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is not a folder of yours alone"):
        await admitted(open_memory("memory:"))
