"""Whether a request stayed where its conversation ran, as the record of its decision tells it."""

from __future__ import annotations

from enum import StrEnum

from shunpike.types.base import Record


class AffinityState(StrEnum):
    """What became of a conversation's place with one request."""

    KEPT = "kept"
    """It stays on the target that answered its last turn."""
    MOVED = "moved"
    """That target can't be asked first, or did not answer: another has the conversation now."""
    NEW = "new"
    """It begins here, no earlier turn of it is known, or the last one was too long ago."""
    OFF = "off"
    """The settings switch it off, or the request is part of no conversation."""


class SessionAffinity(Record):
    """Where one request of a conversation went, and why."""

    state: AffinityState
    key: str = ""
    """The beginning of the hash by which the conversation is known; empty where it is off."""
    target: str | None = None
    """``provider/model`` that answered its last turn, None = none is known."""
    why: str = ""
