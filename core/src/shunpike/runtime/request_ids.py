"""Ids of requests: where they come from, and that one which its caller gave is asked once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from threading import Lock

from shunpike.clock import moment
from shunpike.errors import DuplicateRequest
from shunpike.types import ZERO, KnownAttempt

_running: set[tuple[int, int, str]] = set()
"""Process (what is forked runs nothing of its parent's), store, and id of those that run."""
_lock = Lock()
_TELLING = {
    "answered": "was answered",
    "held": "is held in the ledger by a process that runs it, or that died",
    "unconfirmed": "was sent, and nobody knows how it ended",
    "failed": "failed",
}
"""What became of an attempt, what says most about its request first."""


_AT_ONCE = 2560
"""Bytes: 256 ids."""


class _Chance:
    """Random bytes of the system, read many at a time: each reading hands the interpreter's lock to other threads."""

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0
        self._process = 0
        self._lock = Lock()

    def take(self, count: int) -> bytes:
        """Return ``count`` bytes that no caller was given before, in this process or in one that it was forked from."""
        with self._lock:
            process = os.getpid()
            if self._used + count > len(self._bytes) or self._process != process:
                self._bytes, self._used, self._process = os.urandom(_AT_ONCE), 0, process
            self._used += count
            return self._bytes[self._used - count : self._used]


_chance = _Chance()


def new_request_id() -> str:
    """Return an id that no other request has."""
    return f"req_{_chance.take(10).hex()}"


def enter(store: object, request_id: str | None) -> None:
    """Note that the request runs over ``store``, until `leave`. Raises `DuplicateRequest` where it does already."""
    if request_id is not None:
        with _lock:
            if (key := (os.getpid(), id(store), request_id)) in _running:
                raise _duplicate(request_id, "still runs in this process", "running")
            _running.add(key)


def leave(store: object, request_id: str | None) -> None:
    """Note that the request is over."""
    if request_id is not None:
        _running.discard((os.getpid(), id(store), request_id))


def duplicate(request_id: str, known: Sequence[KnownAttempt]) -> DuplicateRequest:
    """Return the error for a request whose attempts are ``known``; for none where another process has just begun it."""
    sent = {one.outcome for one in known}
    outcome = next((one for one in _TELLING if one in sent), None)
    if outcome is None:
        return _duplicate(request_id, "was asked before, or another process asks it now", "known")
    at, cost = max(one.at for one in known), sum((one.cost for one in known if one.outcome != "unsent"), ZERO)
    most = "at most " if outcome in ("held", "unconfirmed") else ""
    what = f"{_TELLING[outcome]} (begun {moment(at):%Y-%m-%d %H:%M:%S} UTC, cost {most}{cost})"
    error = _duplicate(request_id, what, outcome)
    error.started_at, error.cost = at, cost
    return error


def _duplicate(request_id: str, what: str, outcome: str) -> DuplicateRequest:
    hint = "nothing was sent   ·   another request needs an id of its own"
    error = DuplicateRequest(f"request_id {request_id!r} {what}", hint=hint)
    error.request_id, error.outcome = request_id, outcome
    return error
