"""Reads the OpenAI shape of messages, which six of the seven share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shunpike_sandbox.asks import SimulatedCall, Turn
from shunpike_sandbox.bodies import name_of
from shunpike_sandbox.refusals import Problem

ROLES = ("system", "developer", "user", "assistant", "tool")
_ROLE_WORDS = {"developer": "system", "function": "tool"}
_PART_KINDS = ("text", "image_url", "input_audio", "file", "video_url", "refusal")


@dataclass(frozen=True, slots=True)
class Manners:
    """How strict a provider is about messages."""

    roles: tuple[str, ...] = ROLES
    vision: bool = True
    pairs: bool = True
    """Whether every tool call must be answered before the next turn."""
    max_tools: int = 128
    max_tool_name: int = 64
    tool_name: str = r"^[a-zA-Z0-9_-]+$"
    named_messages: bool = True
    text_roles: tuple[str, ...] = ()
    """The roles whose content must be one text, not a list of parts."""
    refuses_no_tools: bool = False
    """Whether an empty list of tools is refused, rather than taken for none."""
    refuses_no_calls: bool = False
    """Whether an empty list of calls is refused, rather than taken for none."""
    fields: Mapping[str, frozenset[str]] | None = None
    """The fields that a message may have, by role, where any other is refused."""


def turns(messages: Any, manners: Manners) -> tuple[Turn, ...]:
    """Read the messages, or say what is wrong with them."""
    if messages is None:
        raise Problem("missing", "messages", "Missing required parameter: 'messages'.")
    if not isinstance(messages, list):
        raise Problem("type", "messages", "must be an array", "array", name_of(messages))
    if not messages:
        raise Problem("empty", "messages", "[] is too short - 'messages'", "an array with minimum length 1")
    names: dict[str, str] = {}
    found = [_turn(f"messages[{number}]", message, manners, names) for number, message in enumerate(messages)]
    if manners.pairs:
        _paired(messages)
    return tuple(found)


def _turn(where: str, message: Any, manners: Manners, names: dict[str, str]) -> Turn:
    if not isinstance(message, Mapping):
        raise Problem("type", where, "must be an object", "object", name_of(message))
    role = message.get("role")
    if role is None:
        raise Problem("missing", f"{where}.role", f"Missing required parameter: '{where}.role'.")
    if role not in manners.roles:
        allowed = ", ".join(f"'{one}'" for one in manners.roles)
        raise Problem("value", f"{where}.role", f"Invalid value: '{role}'", allowed, f"'{role}'")
    if not manners.named_messages and message.get("name") is not None:
        raise Problem("unsupported", f"{where}.name", "property 'name' is unsupported")
    role = str(role)
    if manners.fields is not None:
        _known(where, role, message, manners.fields)
    text, images = _content(where, role, message.get("content"), message, manners)
    calls = _calls(f"{where}.tool_calls", message.get("tool_calls")) if role == "assistant" else ()
    if manners.refuses_no_calls and message.get("tool_calls") == []:
        raise Problem("empty", f"{where}.tool_calls", "[] is too short", "an array with minimum length 1")
    names.update({call.id: call.name for call in calls})
    name = ""
    if role == "tool":
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str):
            raise Problem("missing", f"{where}.tool_call_id", f"Missing required parameter: '{where}.tool_call_id'.")
        name = names.get(call_id, "")
    return Turn(_ROLE_WORDS.get(role, role), text, calls, name, images)


def _known(where: str, role: str, message: Mapping[str, Any], fields: Mapping[str, frozenset[str]]) -> None:
    strange = next((name for name in message if name not in fields.get(role, ())), None)
    if strange is not None:
        raise Problem("field", f"{where}.{strange}", f"property '{strange}' is unsupported", role)


def _content(where: str, role: str, content: Any, message: Mapping[str, Any], manners: Manners) -> tuple[str, int]:
    if content is None:
        if role == "assistant" and (message.get("tool_calls") or message.get("refusal")):
            return "", 0
        got = "null" if "content" in message else "nothing"
        problem = f"Invalid value for 'content': expected a string, got {got}."
        raise Problem("type", f"{where}.content", problem, "string", got)
    if isinstance(content, str):
        return content, 0
    if not isinstance(content, list) or role in manners.text_roles:
        if role in manners.text_roles:
            raise Problem("type", f"{where}.content", "must be a string", "a string", name_of(content))
        expected = "one of a string or array of objects"
        raise Problem("type", f"{where}.content", f"expected {expected}", expected, name_of(content))
    texts: list[str] = []
    images = 0
    for number, part in enumerate(content):
        text, image = _part(f"{where}.content[{number}]", part, manners)
        texts.append(text)
        images += image
    return "\n".join(text for text in texts if text), images


def _part(where: str, part: Any, manners: Manners) -> tuple[str, int]:
    if not isinstance(part, Mapping):
        raise Problem("type", where, "must be an object", "object", name_of(part))
    kind = part.get("type")
    if kind in ("text", "refusal"):
        text = part.get("text", part.get("refusal"))
        if not isinstance(text, str):
            raise Problem("type", f"{where}.text", "must be a string", "string", name_of(text))
        return text, 0
    if kind == "image_url" and manners.vision:
        link = part.get("image_url")
        url = link.get("url") if isinstance(link, Mapping) else link
        if not isinstance(url, str) or not url.startswith(("https://", "http://", "data:image/")):
            raise Problem("image", f"{where}.image_url", "Invalid image URL", "a link or data", str(url)[:80])
        return "", 1
    if kind in _PART_KINDS:
        raise Problem("unsupported", where, f"unknown variant `{kind}`, expected `text`", "text", str(kind))
    allowed = ", ".join(f"'{one}'" for one in _PART_KINDS[:4])
    raise Problem("value", f"{where}.type", f"Invalid value: '{kind}'", allowed, f"'{kind}'")


def _calls(where: str, value: Any) -> tuple[SimulatedCall, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Problem("type", where, "must be an array", "array", name_of(value))
    calls: list[SimulatedCall] = []
    for number, one in enumerate(value):
        function = one.get("function") if isinstance(one, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            spot = f"{where}[{number}].function"
            raise Problem("missing", spot, f"Missing required parameter: '{spot}'.")
        arguments = function.get("arguments", "{}")
        if not isinstance(arguments, str):
            spot = f"{where}[{number}].function.arguments"
            raise Problem("type", spot, "must be a string", "string", name_of(arguments))
        calls.append(SimulatedCall(str(one.get("id", "")), function["name"], arguments))
    return tuple(calls)


def _paired(messages: list[Any]) -> None:
    """Every tool call is answered at once, and nothing answers a call that was not made."""
    open_ids: list[str] = []
    for number, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                problem = (
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'."
                )
                raise Problem("value", f"messages[{number}].role", problem)
            open_ids.remove(message["tool_call_id"])
            continue
        _answered(open_ids, number)
        if message["role"] == "assistant":
            open_ids = [str(call.get("id", "")) for call in message.get("tool_calls") or ()]
    _answered(open_ids, len(messages))


def _answered(open_ids: list[str], number: int) -> None:
    if open_ids:
        problem = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_ids)}"
        )
        raise Problem("value", f"messages[{max(0, number - 1)}].role", problem)
