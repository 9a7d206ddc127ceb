"""Embeddings: texts in, vectors out, in the same words for every provider."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from typing_extensions import override

from shunpike.openai_format import embedding_body
from shunpike.types.answer import Timeouts
from shunpike.types.base import Moment, Record
from shunpike.types.completion import origin
from shunpike.types.decision import AttemptRecord, Decision
from shunpike.types.limits import Evidence
from shunpike.types.money import ZERO, Money
from shunpike.types.usage import ABSENT, Usage

Vector = tuple[float, ...]


class EmbedRequest(Record):
    """Which texts to embed with which model. There is no ``auto``: vectors of different models can't be compared."""

    model: str = Field(min_length=1)
    input: tuple[str, ...] = Field(min_length=1)
    dimensions: int | None = Field(default=None, ge=1)
    """The length of the vectors, where the model lets one choose; None = its own."""

    @field_validator("input")
    @classmethod
    def _says_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, text in enumerate(value):
            if not text.strip():
                raise ValueError(f"text {place} is empty: an empty text has no embedding")
        return value

    @property
    def kind(self) -> Literal["embedding"]:
        """What a model must be for."""
        return "embedding"

    @property
    def needs(self) -> frozenset[str]:
        """Nothing: each embedding model takes texts."""
        return frozenset()

    @property
    def output_cap(self) -> int | None:
        """None: vectors are no output tokens."""
        return None

    @property
    def choices(self) -> int:
        """One vector for each text."""
        return 1

    @property
    def service_tier(self) -> str | None:
        """None: there are no tiers of it."""
        return None


class EmbedCall(Record):
    """One attempt as a backend gets it."""

    request: EmbedRequest
    model: str
    attempt_id: str
    timeouts: Timeouts = Timeouts()


class EmbedAnswer(Record):
    """The vectors of one provider, in the order of the texts. ``model`` is the one that the answer names."""

    model: str
    vectors: tuple[Vector, ...]
    usage: Usage = ABSENT
    stated_cost: Money | None = None
    service_tier: str | None = None
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    provider_request_id: str | None = None
    headers_at: Moment | None = None
    """Epoch seconds when the answer's headers arrived."""


class Embedding(Record):
    """What a caller gets: the vectors, where they came from and what they cost. Fields as in `Completion`."""

    request_id: str
    provider: str
    model: str
    requested_model: str
    vectors: tuple[Vector, ...]
    usage: Usage
    cost: Money = ZERO
    cost_exact: bool = True
    list_price: Money | None = None
    decision: Decision
    warnings: tuple[str, ...] = ()
    created: Moment
    seconds: float
    simulated: bool = False

    @property
    def dimensions(self) -> int:
        """The length of the vectors."""
        return len(self.vectors[0])

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Every try, the failed ones included."""
        return self.decision.attempts

    @override
    def __repr__(self) -> str:
        """One line: how many vectors, of whom, and what they took."""
        parts = (
            f"{len(self.vectors):,} of {self.dimensions:,} numbers",
            *origin(self.provider, self.model, self.usage, self.cost),
        )
        return f"<Embedding {' · '.join(parts)}>"

    def openai(self) -> dict[str, Any]:
        """Return the vectors as an OpenAI ``list`` of ``embedding`` objects, as JSON types."""
        return embedding_body(self.model, self.vectors, self.usage)
