"""How fast a target was seen to answer."""

from __future__ import annotations

from shunpike.types.base import Record


class Speed(Record):
    """What recent answers of one target took, streamed and whole ones apart; older ones count less and less.

    Seconds, and tokens a second. None = not known.
    """

    samples: float = 0.0
    """The weight of what was seen: an answer of now counts 1, one of a half-life ago 0.5."""
    first_token: float | None = None
    """Seconds to the first content; of an answer that came whole, what it took beside its tokens."""
    first_token_p95: float | None = None
    """Only once enough were seen to tell."""
    tokens_per_second: float | None = None
