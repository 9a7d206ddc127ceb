"""What a prompt may be: a text, messages, or a whole chat-completions request. What can't be is rejected by place."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from os import PathLike
from typing import Any, get_args

from shunpike.client.option_names import check_fields
from shunpike.client.option_values import check_text, plain
from shunpike.errors import UsageError
from shunpike.types import ChatRequest, Message
from shunpike.types.given import says_nothing
from shunpike.validation import near, shown

Prompt = str | Iterable[Message | Mapping[str, Any]] | Mapping[str, Any] | ChatRequest

ROLES: tuple[str, ...] = get_args(Message.model_fields["role"].annotation)
_MESSAGE = '{"role": "user", "content": "hi"}'
_TEXT_PART = '{"type": "text", "text": "…"}'


def request_fields(prompt: object) -> dict[str, Any]:
    """Return the fields of a request for ``prompt``, its messages looked at. Raises `UsageError`."""
    if isinstance(prompt, str):
        if not prompt.strip():
            raise UsageError("the prompt is empty", hint='say something: shunpike "What is a shunpike?"')
        check_text("the prompt", prompt)
        return {"messages": [{"role": "user", "content": prompt}]}
    if isinstance(prompt, ChatRequest):
        return {**prompt.model_dump(exclude_unset=True), "messages": list(prompt.messages)}
    if isinstance(prompt, Mapping):
        return _body(prompt)
    return {"messages": _messages(prompt)}


def _body(prompt: Mapping[Any, Any]) -> dict[str, Any]:
    if "messages" not in prompt:
        if "role" in prompt:
            raise UsageError("a message alone is no prompt", hint=f"put it into a list: [{_MESSAGE}]")
        raise UsageError(
            f"the prompt is an object without messages, got {shown(dict(prompt))}",
            hint=f'such as {{"messages": [{_MESSAGE}]}}, or just the text',
        )
    check_fields(prompt, "the prompt")
    messages = prompt["messages"]
    return {
        **prompt,
        "messages": request_fields(messages)["messages"] if isinstance(messages, str) else _messages(messages),
    }


def _messages(prompt: object) -> list[Any]:
    hint = _instead_of(prompt)
    if hint is not None or not isinstance(prompt, Iterable):
        hint = hint or f"such as [{_MESSAGE}], or just the text"
        raise UsageError(f"the prompt must be text, or a list of messages, got {shown(prompt)}", hint=hint)
    found = [_message(place, one) for place, one in enumerate(prompt)]
    if not found:
        raise UsageError("the prompt is empty: a list without a message", hint=f"such as [{_MESSAGE}]")
    return found


def _instead_of(prompt: object) -> str | None:
    """Return what to write in the place of a prompt that is taken for a list by mistake, None where it may be one."""
    match prompt:
        case bytes() | bytearray() | memoryview():
            return 'decode it first: prompt.decode("utf-8")'
        case PathLike():
            return 'read it first: Path(…).read_text(encoding="utf-8")'
        case Message():
            return "put it into a list: [message]"
        case AsyncIterable():
            return "collect it first: [message async for message in …]"
        case Awaitable():
            return "await it first"
        case _:
            return None


def _message(place: int, message: object) -> Any:
    where = f"messages.{place}"
    if isinstance(message, Message):
        return message
    if not isinstance(message, Mapping):
        raise UsageError(f"{where} must be a message, got {shown(message)}", hint=f"such as {_hinted(message)}")
    role = message.get("role")
    if role not in ROLES:
        guess = near(role, ROLES) if isinstance(role, str) else ""
        got = "is missing" if role is None else f"must be one of {', '.join(ROLES)}, got {shown(role)}{guess}"
        raise UsageError(f"{where}.role {got}", hint=f"such as {_MESSAGE}")
    _check_content(f"{where}.content", message.get("content"))
    rest = {name: value for name, value in message.items() if name not in ("content", "role")}
    if rest:
        plain(where, {name: _dumped(value) for name, value in rest.items() if not says_nothing(value)})
    return message


def _dumped(value: object) -> object:
    """Return a value that the answers of this library hold, such as tool calls, as JSON types."""
    if isinstance(value, list | tuple):
        return [_dumped(one) for one in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _hinted(message: object) -> str:
    if isinstance(message, str):
        return f'{{"role": "user", "content": {shown(message)}}}'
    if isinstance(message, tuple) and len(message) == 2:
        return '{"role": ROLE, "content": TEXT} for the pair (ROLE, TEXT)'
    if hasattr(message, "model_dump"):
        return "message.model_dump(exclude_none=True) of what another library made"
    return _MESSAGE


def _check_content(where: str, content: object) -> None:
    if says_nothing(content):
        return
    if isinstance(content, str):
        check_text(where, content)
        return
    for place, part in enumerate(content if isinstance(content, list | tuple) else ()):
        if isinstance(part, str):
            check_text(f"{where}.{place}", part)
            continue
        kind = part.get("type") if isinstance(part, Mapping) else getattr(part, "type", None)
        if not isinstance(kind, str):
            raise UsageError(
                f"{where}.{place} must be a part with a type, got {shown(part)}", hint=f"such as {_TEXT_PART}"
            )
        if isinstance(part, Mapping):
            _check_part(f"{where}.{place}", part)


def _check_part(where: str, part: Mapping[Any, Any]) -> None:
    if part["type"] == "text":
        if not isinstance(part.get("text"), str):
            raise UsageError(f"{where}.text must be text, got {shown(part.get('text'))}", hint=f"such as {_TEXT_PART}")
        check_text(f"{where}.text", part["text"])
    elif part["type"] == "image_url" and not (
        isinstance(part.get("image_url"), Mapping) and isinstance(part["image_url"].get("url"), str)
    ):
        raise UsageError(
            f"{where}.image_url must be an object with a url, got {shown(part.get('image_url'))}",
            hint='such as {"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}}',
        )
    else:
        plain(where, {name: _dumped(value) for name, value in part.items()})
