"""How fast a target was seen to answer."""

from __future__ import annotations

from typing import NamedTuple

from shunpike.types.base import Record


class Speed(Record):
    """What recent answers of one target took, streamed and whole ones apart; older ones count less and less.

    Seconds, and tokens a second. None = not known.
    """

    samples: float = 0.0
    """The weight of what was seen: an answer of now counts 1, one of a half-life ago 0.5."""
    first_token: float | None = None
    """Seconds to the first content at a prompt of this size; of an answer that came whole, what it took beside its
    tokens."""
    first_token_p95: float | None = None
    """Of prompts of any size; only once enough were seen to tell."""
    tokens_per_second: float | None = None


class Timing(NamedTuple):
    """What one answer took, and how large it was."""

    label: str
    """The target that gave it."""
    ended_at: float
    """Epoch seconds."""
    seconds: float
    """From the moment it was sent to its end."""
    first_token_seconds: float | None = None
    """From then to its first content; None = it came whole."""
    prompt_tokens: int = 0
    """Zero where nobody stated it, as of the others."""
    cached_tokens: int = 0
    output_tokens: int = 0
    """Of all its choices together."""
    choices: int = 1
    task: str | None = None
    """The caller's tag for such requests."""
    attempt_id: str = ""
    """By which it is known again; empty = it is not."""
