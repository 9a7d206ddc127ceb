"""What makes answers at one provider: a backend, and what else it may be able to do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from typing_extensions import Protocol, runtime_checkable

from shunpike.types import Answer, Balance, Call, Chunk, EmbedAnswer, EmbedCall, LiveModel


@runtime_checkable
class Backend(Protocol):
    """Completes requests at one provider with one key. Made once, shared by all calls, closed once or twice."""

    async def complete(self, call: Call) -> Answer:
        """Return the whole answer. Raises `ProviderError`; cancellation closes the connection."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A backend that answers chunk by chunk. Without it the core turns `Backend.complete` into one chunk."""

    def stream(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[Chunk]]:
        """Return a context in which the chunks arrive; leaving it closes the connection.

        Entering sends the request and raises what a refusal raises. Iterating raises `Interrupted` when the end is
        missing. The last chunks carry finish reason and usage. No cancel scope or task group may stay open in between.
        """
        ...


class ReadStream(AsyncIterator[Chunk]):
    """Chunks in which thinking is set apart from the text already: the core does that to any others, as they come."""

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the next chunk has come, so that it takes no wait."""


@runtime_checkable
class CancelSafe(Protocol):
    """A backend that knows whether closing the connection stops generating, and billing. Without it: no."""

    @property
    def cancel_safe(self) -> bool:
        """True when nothing is billed after the connection was closed."""
        ...


@runtime_checkable
class ListsModels(Protocol):
    """A backend that can ask its provider which models exist, at no cost."""

    async def list_models(self) -> Sequence[str]:
        """Return the ids of the models. Raises `ProviderError`."""
        ...


@runtime_checkable
class DescribesModels(Protocol):
    """A backend whose provider's list tells more of a model than its id, at no cost."""

    async def describe_models(self) -> Sequence[LiveModel]:
        """Return the models with what the list tells of each. Raises `ProviderError`."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """A backend that turns texts into vectors."""

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        """Return one vector for each text, in their order. Raises `ProviderError`."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A backend whose provider counts the tokens of a prompt, at no cost."""

    async def count_tokens(self, call: Call) -> int:
        """Return the tokens of the prompt as they would be billed. Raises `ProviderError`."""
        ...


@runtime_checkable
class TellsBalance(Protocol):
    """A backend that can ask what its account still has, at no cost."""

    async def balance(self) -> Sequence[Balance]:
        """Return a row for each currency or quota that the provider tells of. Raises `ProviderError`."""
        ...


@runtime_checkable
class HealthProbe(Protocol):
    """Tells whether a provider can be reached with this key, without using any quota."""

    async def check(self) -> str:
        """Return a few words such as ``14 models``. Raises `ProviderError`."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        ...


@runtime_checkable
class Tokenizer(Protocol):
    """Counts the tokens of a text for one family of models."""

    @property
    def label(self) -> str:
        """What is counting, such as ``o200k_base`` or ``estimate``."""
        ...

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        ...
