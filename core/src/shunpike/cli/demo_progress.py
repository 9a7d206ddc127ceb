"""Live progress of the demo: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from typing_extensions import override

from shunpike.cli.output import narrate


class Watcher(Protocol):
    """Is told how far the demo is."""

    def update(self, done: int, words: str) -> None:
        """``done`` requests are finished; ``words`` say how it goes."""
        ...


@contextmanager
def watch(total: int, *, live: bool) -> Iterator[Watcher]:
    """Give a watcher that writes to stderr; a moving bar only where ``live``."""
    if not live:
        yield _Lines(total)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bar(progress, progress.add_task("", total=total))


class _Bar(Watcher):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    @override
    def update(self, done: int, words: str) -> None:
        self._progress.update(self._task, completed=done, description=words)


class _Lines(Watcher):
    def __init__(self, total: int) -> None:
        self._total = total
        self._step = max(total // 6, 1)
        self._shown = 0

    @override
    def update(self, done: int, words: str) -> None:
        if done >= self._shown + self._step or done == self._total > self._shown:
            self._shown = done
            narrate(f"{done:>5} of {self._total}  {words}")
