"""A chat request in the OpenAI chat-completions vocabulary; unknown fields are kept and passed on."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from shunpike.types.base import Open
from shunpike.types.given import arguments_of, asked_for, check_choice, said
from shunpike.types.written import Written


class TextPart(Open):
    """A text inside a message."""

    type: Literal["text"] = "text"
    text: str


class ImageUrl(Open):
    """Where an image is: a data URL or an http(s) one."""

    url: str
    detail: str | None = None


class ImagePart(Open):
    """An image inside a message."""

    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl


class OtherPart(Open):
    """A part of a kind this version does not know: kept as it is."""

    type: str


def _part_tag(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if kind in ("text", "image_url") else "other"


Part = Annotated[
    Annotated[TextPart, Tag("text")] | Annotated[ImagePart, Tag("image_url")] | Annotated[OtherPart, Tag("other")],
    Discriminator(_part_tag),
]


class FunctionCall(Open):
    """Name and arguments of a call; ``arguments`` is the JSON text as the model wrote it."""

    name: str
    arguments: str = "{}"

    @field_validator("arguments", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return arguments_of(value)


class ToolCall(Open):
    """A call that the model asks for."""

    id: str
    type: str = "function"
    function: FunctionCall


class Message(Written, Open):
    """One turn of the conversation.

    ``reasoning`` is the model's thinking, kept apart from the text. ``private`` holds what a provider wants back
    unchanged (signatures and the like), under the provider's id; another provider never sees it.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | tuple[Part, ...] | None = None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    annotations: tuple[dict[str, Any], ...] | None = None
    """What an answer cites, each such as ``{"type": "url_citation", "url_citation": {"url": …, "title": …}}``."""
    private: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _said(cls, value: Any) -> Any:
        return said(value) if isinstance(value, dict) else value

    @property
    def text(self) -> str:
        """All text of the message, joined."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or () if isinstance(part, TextPart))


class ChatRequest(Written, Open):
    """What to answer. Field names and meanings are those of OpenAI's chat completions."""

    messages: tuple[Message, ...] = Field(min_length=1)
    model: str = "auto"
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    n: int | None = Field(default=None, ge=1, le=128)
    stop: str | tuple[str, ...] | None = None
    seed: int | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    user: str | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _asked(cls, value: Any) -> Any:
        return asked_for(value) if isinstance(value, dict) else value

    @field_validator("messages", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [{"role": "user", "content": value}] if isinstance(value, str) else value

    @field_validator("messages")
    @classmethod
    def _without_empty_instructions(cls, value: tuple[Message, ...]) -> tuple[Message, ...]:
        return tuple(one for one in value if one.content or one.role not in ("system", "developer")) or value

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not any(message.content or message.tool_calls for message in self.messages):
            raise ValueError("the prompt is empty: no message has any content")
        check_choice(self.tool_choice, self.tools or ())
        return self

    @property
    def kind(self) -> Literal["chat"]:
        """What a model must be for."""
        return "chat"

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        return self.n or 1

    @property
    def output_cap(self) -> int | None:
        """The caller's bound on output tokens, under either of its names; the smaller when both are given."""
        caps = [cap for cap in (self.max_completion_tokens, self.max_tokens) if cap is not None]
        return min(caps, default=None)

    @property
    def json_mode(self) -> Literal["json_object", "json_schema"] | None:
        """The structured output that is asked for, if any."""
        kind = (self.response_format or {}).get("type")
        return kind if kind in ("json_object", "json_schema") else None

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """The schema that the answer must fit, if any."""
        wanted = (self.response_format or {}).get("json_schema")
        schema = wanted.get("schema") if isinstance(wanted, dict) else None
        return schema if isinstance(schema, dict) else None

    @property
    def needs(self) -> frozenset[str]:
        """What a model must be able to do: of ``tools``, ``json``, ``json_schema``, ``vision``."""
        found = set()
        if self.tools:
            found.add("tools")
        if self.json_mode:
            found.add("json" if self.json_mode == "json_object" else "json_schema")
        parts = (part for message in self.messages if isinstance(message.content, tuple) for part in message.content)
        if any(isinstance(part, ImagePart) for part in parts):
            found.add("vision")
        return frozenset(found)
