"""What a caller gets: the answer, where it came from and what it cost."""

from __future__ import annotations

from typing import Any

from shunpike.types.answer import Choice
from shunpike.types.base import Record
from shunpike.types.decision import Attempt, Decision
from shunpike.types.money import ZERO, Money
from shunpike.types.usage import Usage


class Completion(Record):
    """An answer with its provenance. ``cost`` is what the owner pays, ``list_price`` what it is worth."""

    request_id: str
    provider: str
    model: str
    requested_model: str
    choices: tuple[Choice, ...]
    usage: Usage
    cost: Money = ZERO
    cost_exact: bool = True
    """False when the usage was not measured, so that the cost is a bound from above."""
    list_price: Money | None = None
    decision: Decision
    warnings: tuple[str, ...] = ()
    created: int
    seconds: float
    simulated: bool = False
    """True when a sandbox answered, not a model."""

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.choices[0].message.text

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try, the failed ones included."""
        return self.decision.attempts

    def openai(self) -> dict[str, Any]:
        """Return the answer as an OpenAI ``chat.completion`` object, as JSON types."""
        return {
            "id": self.request_id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [_openai_choice(choice) for choice in self.choices],
            "usage": _openai_usage(self.usage),
        }


def _openai_choice(choice: Choice) -> dict[str, Any]:
    message = choice.message.model_dump(mode="json", exclude={"private", "reasoning"}, exclude_none=True)
    message.setdefault("content", None)
    if choice.message.reasoning:
        message["reasoning_content"] = choice.message.reasoning
    return {
        "index": choice.index,
        "message": message,
        "finish_reason": choice.finish_reason,
        "logprobs": choice.logprobs,
    }


def _openai_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
