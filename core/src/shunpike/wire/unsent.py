"""Tells apart what failed before a request was handed to the transport: nobody can have billed it."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import TypeVar

_MARK = "unsent"
_left: ContextVar[list[bool]] = ContextVar("left")
"""Whether anything of the present attempt was handed to the transport. A list, as tasks of the backend share it."""


def begin_attempt() -> None:
    """Note that nothing of a new attempt has left."""
    _left.set([])


def leaves() -> None:
    """Note that something of the present attempt is handed to the transport now."""
    told = _left.get(None)
    if told is not None:
        told.append(True)


class BeforeSending:
    """Marks whatever is raised inside as raised before anything was sent, so that all that was held is given back.

    A backend of its own may use it around the making of its request; what it does not mark counts as sent, and so does
    all that comes after a first request.
    """

    def __enter__(self) -> None:
        """Do nothing: only what is raised counts."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the mark on ``error``, and let it pass."""
        if error is not None and not _left.get(None):
            vars(error)[_MARK] = True


before_sending = BeforeSending()


Found = TypeVar("Found", bound=BaseException)


def same_mark(error: BaseException, found: Found) -> Found:
    """Return ``found``, which stands for ``error``, with its mark."""
    if is_unsent(error):
        vars(found)[_MARK] = True
    return found


def is_unsent(error: BaseException) -> bool:
    """Whether ``error`` was certainly raised before anything was sent."""
    return vars(error).get(_MARK) is True
