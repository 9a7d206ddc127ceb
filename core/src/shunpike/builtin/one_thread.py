"""Lets one thread at a time into an object: a client may be used in event loops of several threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


class Locked(Protocol):
    """An object with a lock, which its own thread may take again."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """What is taken for as long as a method runs."""
        ...


S = TypeVar("S", bound=Locked)
P = ParamSpec("P")
T = TypeVar("T")


def one_thread(
    method: Callable[Concatenate[S, P], Awaitable[T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Return ``method`` so that one thread at a time is in it: it must not wait for anything inside."""

    async def locked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.lock:
            return await method(self, *args, **kwargs)

    return update_wrapper(locked, method)
