"""Tells apart what failed before a request had left this machine: nobody can have billed it."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Self, TypeVar

from shunpike.errors import ProviderError

_MARK = "unsent"
_left: ContextVar[list[bool]] = ContextVar("left")
"""Whether anything of the present attempt has left. A list, as tasks of the backend share it."""


_free: ContextVar[bool] = ContextVar("free", default=False)
"""Whether nothing of the present attempt can cost money."""


def begin_attempt(*, free: bool = False) -> None:
    """Note that nothing of a new attempt has left, and whether it is ``free``: to send it twice costs nothing."""
    _left.set([])
    _free.set(free)


def is_free() -> bool:
    """Whether nothing of the present attempt can cost money."""
    return _free.get()


class Departure:
    """One request on its way out: what is raised inside before it `leaves` is marked as certainly unsent.

    It belongs to the attempt in which it was made, in whatever task its body is read.
    """

    def __init__(self) -> None:
        self._of_attempt = _left.get(None)
        self._left = False

    def leaves(self) -> None:
        """Note that the request may leave from now on."""
        self._left = True
        if self._of_attempt is not None:
            self._of_attempt.append(True)

    def __enter__(self) -> Self:
        """Do nothing: only what is raised counts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the mark on ``error`` or take it off, and let it pass."""
        if error is not None:
            # A transport may raise one and the same error for several requests.
            vars(error)[_MARK] = not (self._left or self._of_attempt)


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
Failed = TypeVar("Failed", bound=ProviderError)


def same_mark(error: BaseException, found: Found) -> Found:
    """Return ``found``, which stands for ``error``, with its mark."""
    if is_unsent(error):
        vars(found)[_MARK] = True
    return found


class KeptMark:
    """Keeps the mark of what is raised inside: a timeout that has passed puts another error in its place."""

    unsent = False

    def __enter__(self) -> Self:
        """Do nothing: only what is raised counts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look at the mark of ``error``, and let it pass."""
        self.unsent = error is not None and is_unsent(error)

    def on(self, failure: Failed) -> Failed:
        """Return ``failure`` with the mark that was seen: then it can't be billed."""
        if self.unsent:
            vars(failure)[_MARK] = True
            failure.billed = False
        return failure


def is_unsent(error: BaseException) -> bool:
    """Whether ``error`` was certainly raised before anything was sent, and the attempt sent nothing afterwards."""
    return vars(error).get(_MARK) is True and not _left.get(None)
