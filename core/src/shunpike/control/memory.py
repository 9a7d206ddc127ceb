"""A control store in this process's memory, which forgets everything at the end: for trials and tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock

from typing_extensions import override

from shunpike.control.store import KEPT, PAGE, ControlStore, stepped
from shunpike.types.control import UNCONTROLLED, AuditEntry, Change, Controls, Signature


class MemoryControl(ControlStore):
    """For the threads of one process: no other one sees it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._controls = UNCONTROLLED
        self._audit: deque[tuple[AuditEntry, ...]] = deque(maxlen=KEPT)

    @override
    async def controls(self) -> Controls:
        return self._controls

    @override
    async def change(self, changes: Sequence[Change], signed: Signature, expected: int | None = None) -> Controls:
        with self._lock:
            self._controls, entries = stepped(self._controls, changes, signed, expected)
            if entries:
                self._audit.append(entries)
            return self._controls

    @override
    async def audit(self, before: int | None = None, limit: int = 100) -> Sequence[AuditEntry]:
        with self._lock:
            entries = [one for group in reversed(self._audit) for one in reversed(group)]
        return [one for one in entries if before is None or one.revision < before][: min(limit, PAGE)]

    @override
    async def revision(self) -> int:
        return self._controls.revision
