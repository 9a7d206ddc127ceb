"""All control stores keep the same contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from typing_extensions import override

from shunpike.control import ControlStore, MemoryControl
from shunpike_testkit.control_store import ControlContract


class TestMemory(ControlContract):
    persistent = False
    shared = False

    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[ControlStore]:
        yield MemoryControl()
