"""Embeddings: texts in, vectors out, in the same words for every provider."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator
from typing_extensions import override

from shunpike.openai_format import embedding_body
from shunpike.types.answer import ProviderAnswer, Timeouts
from shunpike.types.base import Record
from shunpike.types.completion import Answered

Vector = tuple[float, ...]


class EmbedRequest(Record):
    """Which texts to embed with which model. There is no ``auto``: vectors of different models can't be compared."""

    model: str = Field(min_length=1)
    input: tuple[str, ...] = Field(min_length=1)
    dimensions: int | None = Field(default=None, ge=1)
    """The length of the vectors, where the model lets one choose; None = its own."""

    # What routing asks of any request, and is the same for all of these: see `RoutableRequest`.
    kind: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[str]] = frozenset()
    output_cap: ClassVar[int | None] = None
    choices: ClassVar[int] = 1
    service_tier: ClassVar[str | None] = None

    @field_validator("input")
    @classmethod
    def _says_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, text in enumerate(value):
            if not text.strip():
                raise ValueError(f"text {place} is empty: an empty text has no embedding")
        return value


class EmbedCall(Record):
    """One attempt as a backend gets it."""

    request: EmbedRequest
    model: str
    attempt_id: str
    timeouts: Timeouts = Timeouts()


class EmbedAnswer(ProviderAnswer):
    """The vectors of one provider, in the order of the texts."""

    vectors: tuple[Vector, ...]


class Embedding(Answered):
    """The vectors with their provenance."""

    vectors: tuple[Vector, ...]

    @property
    def dimensions(self) -> int:
        """The length of the vectors."""
        return len(self.vectors[0])

    @override
    def __repr__(self) -> str:
        """One line: how many vectors, of whom, and what they took."""
        numbers = f"{len(self.vectors):,} of {self.dimensions:,} numbers"
        return f"<Embedding {' · '.join((numbers, *self.origin))}>"

    def openai(self) -> dict[str, Any]:
        """Return the vectors as an OpenAI ``list`` of ``embedding`` objects, as JSON types."""
        return embedding_body(self.model, self.vectors, self.usage)
