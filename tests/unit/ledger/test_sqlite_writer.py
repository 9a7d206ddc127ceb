"""The writing thread: one job's mistake is its own, and what was committed is never called a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio

from shunpike.errors import StoreError, said
from shunpike.storage.sqlite.writer import Job, Writer

WRONG = "(ValueError: wrong)"


class Opened:
    """A file whose transactions fail from the so-manieth on; it counts what was kept."""

    def __init__(self, lasts: int) -> None:
        self.begun, self._lasts = 0, lasts
        self.kept: list[str] = []
        self.pending: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.begun += 1
        self.pending = []
        if self.begun > self._lasts:
            raise StoreError("the disk is gone")
        yield
        self.kept += self.pending

    def flush(self) -> None:
        """Some things are looked at only here."""
        if "poison" in self.pending:
            raise StoreError("poison")

    def rest(self) -> None:
        """There is nothing else to do."""

    def close(self) -> None:
        """There is nothing to let go of."""


def named(name: str) -> Callable[[Any], str]:
    def work(session: Any) -> str:
        if name == "wrong":
            raise ValueError("wrong")
        session.pending.append(name)
        return name

    return work


async def play(names: list[str], lasts: int) -> tuple[dict[str, str], Opened]:
    """Put all of them into one batch; return what each was told."""
    opened: Any = Opened(lasts)
    writer = Writer(lambda: opened)
    jobs = {name: Job(named(name)) for name in names}
    batch = list(jobs.values())
    writer._commit(batch)
    told = {}
    for name, job in jobs.items():
        with anyio.fail_after(5):
            await job.done()
        told[name] = said(job.error).removeprefix("the ledger failed ") if job.error else str(job.result)
    return told, opened


async def test_a_job_that_fails_leaves_the_others_alone() -> None:
    told, opened = await play(["a", "wrong", "b"], lasts=99)
    assert told == {"a": "a", "wrong": WRONG, "b": "b"}
    assert opened.kept == ["a", "b"]


async def test_a_job_whose_outcome_can_not_be_written_leaves_the_others_alone() -> None:
    """Much is written only at the end of a batch, for all of it at once: then too the mistake is one job's."""
    told, opened = await play(["a", "poison", "b"], lasts=99)
    assert told == {"a": "a", "poison": "poison", "b": "b"}
    assert opened.kept == ["a", "b"]


async def test_a_job_that_fails_alone_is_tried_once() -> None:
    for name, words in (("wrong", WRONG), ("poison", "poison")):
        told, opened = await play([name], lasts=99)
        assert (told, opened.kept, opened.begun) == ({name: words}, [], 1)


async def test_what_was_committed_is_never_called_a_failure() -> None:
    """The disk goes while the jobs of a failed batch are done one by one: those after it are not tried."""
    told, opened = await play(["a", "wrong", "b", "c"], lasts=3)
    assert opened.kept == ["a"]
    assert told == {"a": "a", "wrong": WRONG, "b": "the disk is gone", "c": "the disk is gone"}
    assert opened.begun == 4


async def test_a_commit_that_fails_is_told_to_all() -> None:
    told, opened = await play(["a", "b"], lasts=0)
    assert set(told.values()) == {"the disk is gone"}
    assert opened.kept == []
