"""One client in several event loops, one after the other or in threads at the same time.

A connection, and whoever waits for one, belongs to the event loop in which it began. So each loop that a client is used
in gets parts of its own, as another process would; all share one store, and with it every limit and budget. When a loop
ends, what was opened in it is closed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from typing_extensions import override

from shunpike.client.leaving import Start, starter
from shunpike.errors import UsageError
from shunpike.loop_thread import check_process
from shunpike.protocols import Store
from shunpike.routing.streaming import StreamRun
from shunpike.runtime.runtime import Runtime
from shunpike.types import Settings


@dataclass(eq=False)
class Parts:
    """What a client has in one event loop."""

    runtime: Runtime
    made_in: object | None
    """The loop that ran when they were made: locks are of its kind. None where none did."""
    running: list[StreamRun] = field(default_factory=list)
    start: Start | None = None
    """What starts a closing in its loop; None where it was in none so far."""
    keeper: AsyncGenerator[None, None] | None = None

    async def aclose(self) -> None:
        """Close streams that were left open, and connections; the store is shared, and stays open."""
        running, self.running = self.running, []
        async with AsyncExitStack() as stack:  # each even when another fails
            stack.push_async_callback(self.runtime.leave)
            for run in running:
                stack.push_async_callback(run.aclose)

    async def over(self) -> None:
        """Close what is open, and keep nothing for the end of the loop."""
        try:
            await self.aclose()
        finally:
            if self.keeper is not None:
                await self.keeper.aclose()


class Loops:
    """The parts of one client, for each event loop that it is used in.

    Args:
        make: Makes a runtime over a store; over None it opens the one of the settings.

    """

    def __init__(self, make: Callable[[Store | None], Runtime], store: Store | None) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._latest = self._parts(store)
        self._store = self._latest.runtime.store
        self._by_loop: dict[object, Parts] = {}

    @property
    def here(self) -> Parts:
        """The parts of the loop that runs; outside of any, and after the end, the latest ones, for looking only.

        Raises `UsageError` in a process that was forked since the client was made.
        """
        check_process(self._process)
        loop = _running_loop()
        found = self._latest if loop is None else self._by_loop.get(loop)
        return self._enter(loop) if found is None else found

    @property
    def everywhere(self) -> list[Parts]:
        """The parts of every loop, and those that are in none yet."""
        with self._lock:
            return list({id(parts): parts for parts in (self._latest, *self._by_loop.values())}.values())

    @property
    def are_closed(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._closed

    def reload(self) -> None:
        """Look again at keys and plugins, for every loop. Raises `ConfigError`."""
        for parts in self.everywhere:
            parts.runtime.reload()

    def apply(self, settings: Settings) -> None:
        """Let other settings hold, for every loop. Raises `ConfigError`."""
        for parts in self.everywhere:
            parts.runtime.apply(settings)

    async def aclose(self) -> None:
        """Close what is open in this loop and have other loops close what is theirs, then let go of the store."""
        loop = _running_loop()
        with self._lock:
            first, self._closed = not self._closed, True
            here = self._by_loop.get(loop)
        async with AsyncExitStack() as stack:
            if first:
                stack.push_async_callback(self._latest.runtime.close_store)
            for parts in self.everywhere:
                parts.runtime.refuse()
                parts.runtime.queue.close()  # who waits hears of it before streams are closed, which takes its time
                if parts is not self._latest:
                    stack.push_async_callback(parts.runtime.ledger.finish)
                if parts is here or parts.start is None:
                    stack.push_async_callback(parts.over)
                elif first:
                    parts.start(parts.over)

    def _enter(self, loop: object) -> Parts:
        with self._lock:
            if self._closed:
                return self._latest
            if self._latest.start is not None or self._latest.made_in not in (None, loop):
                self._latest = self._parts(self._store)
            self._latest.start = starter()
            self._by_loop[loop] = self._latest
            parts = self._latest
        parts.keeper = keeper = self._kept(loop, parts)
        with suppress(StopIteration):
            keeper.__anext__().send(None)  # as far as its yield it waits for nothing
        return parts

    async def _kept(self, loop: object, parts: Parts) -> AsyncGenerator[None, None]:
        """Close the parts of a loop when it ends, as it does with each asynchronous generator that is left."""
        try:
            yield
        finally:
            with self._lock:
                self._by_loop.pop(loop, None)
            if not self._closed:
                await parts.aclose()
                await parts.runtime.ledger.finish()

    def _parts(self, store: Store | None) -> Parts:
        return Parts(self._make(store), _running_loop())


class PerLoop:
    """What of a client belongs to the event loop that runs."""

    _loops: Loops

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._loops.are_closed else 'open'}>"

    @property
    def runtime(self) -> Runtime:
        """What this client is a face of, in the event loop that runs."""
        return self._loops.here.runtime

    @property
    def _asking(self) -> Runtime:
        """The runtime, where somebody will be asked. Raises `UsageError` once the client is closed."""
        if self._loops.are_closed:
            raise UsageError("the client is closed", hint="make another: Client()")
        return self.runtime

    @property
    def _running(self) -> list[StreamRun]:
        return self._loops.here.running

    @_running.setter
    def _running(self, running: list[StreamRun]) -> None:
        self._loops.here.running = running


def loop_runs() -> bool:
    """Whether an event loop runs in this thread."""
    return _running_loop() is not None


def _running_loop() -> object | None:
    """Return what tells the running event loop from others, None where none runs. Cheap: it is asked often."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
    try:
        return None if trio is None else trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None
