"""A health probe that asks for the list of models, which costs no quota."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Lists(Protocol):
    """A backend that lists its models, and can be closed."""

    async def list_models(self) -> Sequence[str]:
        """Return the ids of the models. Raises `ProviderError`."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        ...


class ModelsProbe:
    """Tells whether a provider answers this key by asking for its models, which costs no quota."""

    def __init__(self, backend: Lists) -> None:
        self._backend = backend

    async def check(self) -> str:
        """Return such as ``14 models``. Raises `ProviderError`."""
        found = len(await self._backend.list_models())
        return f"{found} model{'' if found == 1 else 's'}"

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        await self._backend.aclose()
