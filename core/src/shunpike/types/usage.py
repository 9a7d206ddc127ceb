"""How many tokens an answer took, under one meaning for all providers."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from shunpike.types.base import Record


class Basis(StrEnum):
    """Where a count comes from. Absent is never zero."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    ABSENT = "absent"


class Usage(Record):
    """Tokens of one answer: the prompt includes cached ones, the completion includes reasoning."""

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)
    basis: Basis = Basis.MEASURED

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.cached_tokens + self.cache_write_tokens > self.prompt_tokens:
            raise ValueError("cached and cache-write tokens are parts of the prompt and can't exceed it")
        return self

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def after(self, earlier: Usage) -> Usage:
        """Return what is known once this is stated after ``earlier``, of the same answer: nothing is taken back.

        What was made can't be unmade: a smaller figure contradicts it, and the larger ones are an estimate. A prompt
        that was counted before anything was made is a first guess, which providers correct.
        """
        if self.basis is Basis.ABSENT:
            return earlier
        if not self.total_tokens:
            # Nothing but zeros is no usage: see ``ledger/belief.py``.
            return earlier if earlier.total_tokens else self
        shrinks = self.prompt_tokens < earlier.prompt_tokens or self.completion_tokens < earlier.completion_tokens
        return self.joined(earlier) if earlier.completion_tokens and shrinks else self

    def joined(self, other: Usage) -> Usage:
        """Return the larger figures of two that are stated of the same answer: where they differ, an estimate."""
        if (self.prompt_tokens, self.completion_tokens) == (other.prompt_tokens, other.completion_tokens):
            return self
        return self.model_copy(
            update={
                "prompt_tokens": max(self.prompt_tokens, other.prompt_tokens),
                "completion_tokens": max(self.completion_tokens, other.completion_tokens),
                "reasoning_tokens": max(self.reasoning_tokens, other.reasoning_tokens),
                "basis": Basis.ESTIMATED,
            }
        )

    def __add__(self, other: Usage) -> Usage:
        order = [Basis.MEASURED, Basis.ESTIMATED, Basis.ABSENT]
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            basis=max(self.basis, other.basis, key=order.index),
        )


ABSENT = Usage(basis=Basis.ABSENT)
