"""What a caller gets: the answer, where it came from and what it cost."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import override

from shunpike.openai_format import completion_body
from shunpike.types.answer import Choice
from shunpike.types.base import Moment, Record, label, one_line, shortened
from shunpike.types.chat import Message, ToolCall
from shunpike.types.decision import AttemptRecord, Decision
from shunpike.types.money import ZERO, Money
from shunpike.types.usage import Usage


class Answered(Record):
    """Where what was answered came from, with ``cost``, which the owner pays, and ``list_price``, its worth."""

    request_id: str
    provider: str
    model: str
    requested_model: str
    usage: Usage
    cost: Money = ZERO
    cost_exact: bool = True
    """False when the usage was not measured, so that the cost is a bound from above, and while it is not booked."""
    list_price: Money | None = None
    decision: Decision
    warnings: tuple[str, ...] = ()
    created: Moment
    seconds: float
    simulated: bool = False
    """True when a sandbox answered, not a model."""

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Every attempt, the failed ones included."""
        return self.decision.attempts

    @property
    def origin(self) -> tuple[str, str, str]:
        """Where it came from and what it took, in a few words each."""
        named = shortened(label(self.provider, self.model))
        return named, f"{self.usage.total_tokens:,} tokens", str(self.cost)


class Completion(Answered):
    """An answer with its provenance."""

    choices: tuple[Choice, ...]
    parsed: Any = Field(default=None, exclude=True)
    """What ``response_format`` asked for: an object of its type, else the JSON as Python has it. None where tools are
    called instead, or nothing of that kind was asked for."""

    system_fingerprint: str | None = None
    """What the provider calls the state of the model that answered."""

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.message.text

    @property
    def message(self) -> Message:
        """The message of the first choice, as it goes into the next request's ``messages``."""
        return self.choices[0].message

    @property
    def finish_reason(self) -> str:
        """Why the first choice ended: ``stop``, ``length``, ``tool_calls`` or ``content_filter``."""
        return self.choices[0].finish_reason

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the first choice asks for, none where it asks for none."""
        return self.message.tool_calls or ()

    @override
    def __str__(self) -> str:
        """The text, so that an answer can be printed."""
        return self.text

    @override
    def __repr__(self) -> str:
        """One line: the beginning of the text, who answered, and what it took."""
        calls = [f"calls {', '.join(call.function.name for call in self.tool_calls)}"] if self.tool_calls else []
        said = [shortened(repr(one_line(self.text)))] if self.text or not calls else []
        return f"<Completion {' · '.join((*said, *calls, *self.origin))}>"

    def openai(self) -> dict[str, Any]:
        """Return the answer as an OpenAI ``chat.completion`` object, as JSON types."""
        body = completion_body(self.request_id, self.created, self.model, self.choices, self.usage)
        named = self.system_fingerprint
        return body if named is None else {**body, "system_fingerprint": named}
