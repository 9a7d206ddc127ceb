"""A chat request without dialect: what any provider understands of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A tool call; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. ``role`` is system, user, assistant or tool; a tool turn has the tool's ``name`` if known."""

    role: str
    text: str
    calls: tuple[SimulatedCall, ...] = ()
    name: str = ""
    images: int = 0


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """Everything the answer depends on."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    """auto, none, required, or named (then ``allowed`` says which)."""
    allowed: tuple[str, ...] = ()
    parallel: bool = True
    form: str = "text"
    """text, json or schema."""
    schema: Any = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    padded: bool = False
    """Whether chunks of a stream carry a random padding, so that their sizes tell nothing."""
    thinking: bool = False
    show_thinking: bool = True
    signs: bool = False
    """Whether calls carry a signature that must come back with them."""
    tools_text: str = ""
    """The tools as the provider counts them into the prompt."""

    @property
    def last_user(self) -> str:
        """The text of the newest user turn."""
        for turn in reversed(self.turns):
            if turn.role == "user" and turn.text:
                return turn.text
        return ""

    @property
    def text(self) -> str:
        """All texts, oldest first."""
        return "\n".join(turn.text for turn in self.turns if turn.text)
