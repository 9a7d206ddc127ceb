"""The two bases of every word: one for our own records, one for what strangers send."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record of ours: an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Open(BaseModel):
    """A frozen piece of the chat-completions vocabulary: unknown fields are kept and passed on."""

    model_config = ConfigDict(frozen=True, extra="allow")
