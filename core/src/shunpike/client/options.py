"""What a caller may say beside the prompt, and how prompt and options become one `ChatRequest`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from pydantic import ValidationError

from shunpike.errors import UsageError
from shunpike.types import ChatRequest, Message
from shunpike.validation import about

Prompt = str | Sequence[Message | Mapping[str, Any]] | Mapping[str, Any] | ChatRequest


class Options(TypedDict, total=False):
    """Keyword arguments of `Client.complete`, `Client.stream`, `shunpike.ask` and `shunpike.stream_sync`."""

    model: str
    """``auto`` (default), ``groq/auto``, ``groq/ID`` or an id wherever it is offered."""
    strategy: str
    providers: Sequence[str]
    """Only these."""
    deadline: float
    """Seconds for the whole request, all attempts together."""
    wait: bool
    """False: fail at once instead of waiting for what may open, or be well again, before the deadline."""
    strict: bool
    """True: a parameter that a provider can't honour sends the request elsewhere instead of dropping it."""
    tag: str
    """A word under which the usage is booked: the task."""
    claim: Literal["interactive", "batch"]
    """Who waits for it: a person (default), or nobody. What ``pace`` reserves for persons is left alone by a batch."""
    system: str
    """A system message put before the prompt."""
    temperature: float
    top_p: float
    max_tokens: int
    max_completion_tokens: int
    n: int
    stop: str | Sequence[str]
    seed: int
    tools: Sequence[Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any]
    parallel_tool_calls: bool
    response_format: Mapping[str, Any]
    reasoning_effort: str
    extra: Mapping[str, Any]
    """Any other chat-completions field, passed on as it is."""


_OURS = frozenset({"strategy", "providers", "deadline", "wait", "strict", "tag", "claim", "system", "extra"})


def build_request(prompt: Prompt, options: Options) -> ChatRequest:
    """Return the request. Raises `UsageError` naming the field, its value and what was expected."""
    fields: dict[str, Any] = dict(_base(prompt))
    fields.update({name: value for name, value in options.items() if name not in _OURS})
    fields.update(options.get("extra") or {})
    system = options.get("system")
    if system:
        fields["messages"] = [{"role": "system", "content": system}, *fields["messages"]]
    try:
        return ChatRequest.model_validate(fields)
    except ValidationError as error:
        raise _usage_error(error) from None


MOST_OF_A_TAG = 64
"""Characters: a tag is a word that heads a row of a table, not a text."""


def tag_of(options: Mapping[str, Any]) -> str | None:
    """Return the tag of a call. Raises `UsageError` for what would break a table."""
    tag = options.get("tag")
    if tag is not None and not isinstance(tag, str):
        raise UsageError(f"tag must be a word, got {tag!r}", hint='such as tag="docs"')
    return None if tag is None else clean(tag, "tag", MOST_OF_A_TAG)


def clean(text: str, name: str, most: int) -> str:
    """Return ``text`` when it is one line of at most ``most`` characters. Raises `UsageError` naming it."""
    if len(text) > most:
        raise UsageError(
            f"{name} may have at most {most:,} characters, got {len(text):,}: {text[:20]!r}…", hint="shorten it"
        )
    if not text.isprintable():
        strange = next(character for character in text if not character.isprintable())
        raise UsageError(f"{name} may not hold the character {strange!r}, got {text!r}", hint="write it on one line")
    return text


def providers_of(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the providers that a call names, None where it names none. Raises `UsageError` for anything but a list."""
    providers = options.get("providers")
    if providers is None:
        return None
    if isinstance(providers, str) or not isinstance(providers, Iterable):
        raise UsageError(f"providers must be a list of names, got {providers!r}", hint='such as providers=["NAME"]')
    return tuple(providers)


def flag_of(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return what a call says of ``name``. Raises `UsageError` for anything but true and false."""
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false, got {value!r}")
    return value


def claim_of(options: Mapping[str, Any]) -> Literal["interactive", "batch"]:
    """Return who waits for the answer. Raises `UsageError` for any other word."""
    match options.get("claim", "interactive"):
        case "interactive":
            return "interactive"
        case "batch":
            return "batch"
        case other:
            raise UsageError(f"claim must be interactive or batch, got {other!r}")


def _base(prompt: Prompt) -> dict[str, Any]:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise UsageError("the prompt is empty", hint='say something: shunpike "What is a shunpike?"')
        return {"messages": [{"role": "user", "content": prompt}]}
    if isinstance(prompt, ChatRequest):
        return {**prompt.model_dump(exclude_unset=True), "messages": list(prompt.messages)}
    if isinstance(prompt, Mapping):
        return {**prompt, "messages": list(prompt.get("messages", ()))}
    return {"messages": list(prompt)}


def _usage_error(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    private = not first["loc"] or first["loc"][0] == "messages"
    value = "" if private else f", got {first['input']!r:.80}"
    return UsageError(about(first) + value, hint="the fields are those of chat completions")


def positive(seconds: Any, name: str) -> float:
    """Return a span of time. Raises `UsageError` naming it when it is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise UsageError(f"{name} must be a number of seconds above 0, got {seconds!r}")
    return float(seconds)
