"""What makes chunks of a streamed answer: one provider's dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from shunpike.errors import ProviderError
from shunpike.types import Chunk
from shunpike.wire.sse import ServerSentEvent


class AnswerReader(Protocol):
    """Makes chunks of one stream's events, in one provider's dialect."""

    provider: str
    model: str
    failed: ProviderError | None
    """The failure that an event told, once one did."""
    done: bool
    """Whether the provider said that nothing follows."""

    @property
    def complete(self) -> bool:
        """Whether every choice that began has told its end, so that a stream may end here."""
        ...

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return what a status other than success means."""
        ...

    def opening(self, headers: Mapping[str, str], headers_at: float) -> Chunk:
        """Return what the headers tell; it is put into the first chunk."""
        ...

    def whole(self, headers: Mapping[str, str], body: bytes) -> Sequence[Chunk]:
        """Return the chunks of an answer that came in one, though a stream was asked for."""
        ...

    def chunks(self, event: ServerSentEvent) -> Sequence[Chunk]:
        """Return the chunks of one event; a failure that it tells goes to ``failed``. Raises `ProviderError`.

        After a failure only the figures of an event count; they go into its ``bill``.
        """
        ...

    def ends(self) -> Sequence[Chunk]:
        """Return what is still to be told at the end of a stream that ended well."""
        ...
