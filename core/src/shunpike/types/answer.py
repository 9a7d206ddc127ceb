"""What comes back from one provider, in the common words: whole, or chunk by chunk."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field
from typing_extensions import override

from shunpike.types.base import Moment, Record
from shunpike.types.chat import ChatRequest, Message
from shunpike.types.limits import Evidence
from shunpike.types.money import Money
from shunpike.types.usage import ABSENT, Usage
from shunpike.types.written import Written

FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter")


class Timeouts(Written, Record):
    """Seconds to wait at one provider, within what the request's ``timeout`` leaves."""

    connect: float = Field(default=10.0, gt=0, examples=[5], json_schema_extra={"unit": "seconds"})
    """For a connection, with its encryption; for each step of the way through a proxy."""
    first_token: float = Field(default=60.0, gt=0, examples=[300], json_schema_extra={"unit": "seconds"})
    """For a sign of life of a streamed answer, until its first data: each keep-alive gives it as long again. An answer
    that comes whole can give none before it is there, and has until ``total``, unless this is set."""
    idle: float = Field(default=30.0, gt=0, examples=[60], json_schema_extra={"unit": "seconds"})
    """Between two chunks of a streamed answer."""
    total: float = Field(default=300.0, gt=0, examples=[600], json_schema_extra={"unit": "seconds"})
    """For one attempt in all; a longer ``timeout`` of the request raises it, unless it is set."""

    def within(self, seconds: float) -> Self:
        """Return these for a request that has so many seconds left: they raise a ``total`` that nobody set."""
        if "total" in self.model_fields_set or seconds <= self.total:
            return self
        return self.model_copy(update={"total": seconds})


class Call(Record):
    """One attempt as a backend gets it: the request, for this model, with the output cap that must be sent."""

    request: ChatRequest
    model: str
    max_output: int = Field(ge=1)
    attempt_id: str
    timeouts: Timeouts = Timeouts()
    strict: bool = False
    """True: a parameter that the provider can't honour raises `NotHere` instead of a warning."""


class Choice(Record):
    """One of the answers; ``finish_reason`` is of `FINISH_REASONS`."""

    index: int = 0
    message: Message
    finish_reason: str
    logprobs: dict[str, Any] | None = None


class ProviderAnswer(Record):
    """What an answer of one provider tells of itself. ``model`` is the one that it names, which is the one billed."""

    model: str
    usage: Usage = ABSENT
    stated_cost: Money | None = None
    """The cost that the provider itself states, where it does."""
    service_tier: str | None = None
    """The tier of service that the answer says it was served on, which is the one billed."""
    system_fingerprint: str | None = None
    """What the provider calls the state of the model that answered."""
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    provider_request_id: str | None = None
    headers_at: Moment | None = None
    """Epoch seconds when the answer's headers arrived: a rolling window counts from here."""


class Answer(ProviderAnswer):
    """A complete answer of one provider."""

    choices: tuple[Choice, ...] = Field(min_length=1)


class ToolCallDelta(Record):
    """A fragment of a tool call; fragments of one ``index`` belong together."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


_PLAIN = {"index", "text"}


class Chunk(Record):
    """A chunk of a streamed answer. Any field may be empty; ``finish_reason`` comes once per choice."""

    index: int = 0
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    annotations: tuple[dict[str, Any], ...] = ()
    """What the answer cites; chunks add up."""
    private: dict[str, Any] | None = None
    text_in_all: str | None = None
    """The whole text of the choice, where the chunks before showed what turned out to be thinking, or a fence."""
    reasoning_in_all: str | None = None
    """The same of its thinking."""
    received: int | None = Field(default=None, ge=0, exclude=True)
    """Estimated tokens of output that came with it, where it shows less or more: the provider bills what it made."""
    model: str | None = None
    usage: Usage | None = None
    stated_cost: Money | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    provider_request_id: str | None = None
    headers_at: Moment | None = None

    @override
    def __str__(self) -> str:
        """The text, so that a chunk can be printed as it comes."""
        return self.text

    @property
    def is_plain(self) -> bool:
        """True where it is made with some text and nothing else, as most are."""
        return self.__pydantic_fields_set__ == _PLAIN and self.text != ""

    @property
    def has_content(self) -> bool:
        """True when a reader would see something of it: after such a chunk a stream is never retried."""
        return bool(self.text or self.reasoning or self.refusal or self.tool_calls)

    @property
    def carries_on(self) -> bool:
        """True when the answer is further than before: usage alone, stated again and again, is no progress."""
        return bool(self.has_content or self.finish_reason or self.annotations or self.private or self.logprobs)
