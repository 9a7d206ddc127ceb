"""The messages of a chat body as the core takes them: what no provider would take is rejected by its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shunpike.types.given import says_nothing
from shunpike.validation import shown
from shunpike_gateway.chat_request import check_picture
from shunpike_gateway.exchange import RejectedBody

_KNOWN = frozenset(
    {
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "refusal",
        "reasoning_content",
        "reasoning",
        "function_call",
        "reasoning_details",
        "thinking_blocks",
    }
)
"""Fields of a message that go on. ``private`` is the router's own: no client sets it."""
_TEXTS = ("text", "input_text", "output_text")
"""Types of parts, in a tuple as those below: the type that a client gives may be no text, which no set can look up."""
_IMAGES = ("image_url", "input_image")
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
"""Parts that another API's clients send back: no provider of chat completions takes them."""


def messages_of(listed: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the messages, and a sentence for each kind of thing that was left out of them.

    Raises `RejectedBody` naming the place of what can't be read.
    """
    if isinstance(listed, str):
        listed = [{"role": "user", "content": listed}]
    if not isinstance(listed, list) or not listed:
        raise RejectedBody(f"messages must be a list of at least one, got {shown(listed)}", param="messages")
    dropped: dict[str, None] = {}
    found, calls = [], set[str]()
    for place, message in enumerate(listed):
        where = f"messages.{place}"
        if not isinstance(message, dict):
            raise RejectedBody(f"{where} must be an object, got {shown(message)}", param=where)
        one = _message(message, where, dropped)
        _check_order(one, where, calls)
        found.append(one)
    return found, list(dropped)


def _message(message: Mapping[str, Any], where: str, dropped: dict[str, None]) -> dict[str, Any]:
    one = {name: value for name, value in message.items() if name in _KNOWN and value is not None}
    if len(one) < len(message):
        unknown = [name for name, value in message.items() if name not in _KNOWN and value is not None]
        dropped |= {f"{name[:80]!a} of messages was left out": None for name in unknown if name not in _ANSWERED}
    if "reasoning" in one and not isinstance(one["reasoning"], str):
        del one["reasoning"]
    if isinstance(content := one.get("content"), list):
        one["content"] = _parts(content, f"{where}.content", dropped)
    if says_nothing(calls := one.pop("tool_calls", None)):
        return one
    one["tool_calls"] = _calls(calls, f"{where}.tool_calls")
    return one


_ANSWERED = frozenset({"annotations", "audio", "private", "id", "created_at", "parsed"})
"""What answers have, and clients send back as it came: left out without a word."""


def _check_order(message: Mapping[str, Any], where: str, calls: set[str]) -> None:
    """Raise `RejectedBody` for the result of a call that nobody made: every provider refuses it."""
    calls.update(one["id"] for one in message.get("tool_calls", ()))
    if message.get("role") != "tool":
        return
    name = message.get("tool_call_id")
    if not isinstance(name, str) or not name:
        raise RejectedBody(f"{where} is a tool's result and must name its tool_call_id", param=f"{where}.tool_call_id")
    if name not in calls:
        message_ = f"{where} is the result of {name[:80]!r}, which no message before it calls"
        raise RejectedBody(message_, param=f"{where}.tool_call_id")


def _calls(calls: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(calls, list):
        raise RejectedBody(f"{where} must be a list, got {shown(calls)}", param=where)
    found = []
    for place, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(call.get("id"), str) or not call["id"]:
            message = f"{where}.{place} must be a call with an id and a function"
            raise RejectedBody(message, param=f"{where}.{place}")
        named = {name: function[name] for name in ("name", "arguments") if name in function}
        found.append({"id": call["id"], "type": "function", "function": named})
    return found


def _parts(parts: Sequence[Any], where: str, dropped: dict[str, None]) -> list[Any]:
    found = []
    for place, part in enumerate(parts):
        if isinstance(part, str):
            found.append({"type": "text", "text": part})
            continue
        if not isinstance(part, dict):
            raise RejectedBody(f"{where}.{place} must be an object, got {shown(part)}", param=f"{where}.{place}")
        kind = part.get("type")
        if kind in _THOUGHTS:
            dropped[f"parts of the type {kind} were left out of messages"] = None
            continue
        found.append(_part(part, kind, f"{where}.{place}"))
    return found


def _part(part: Mapping[str, Any], kind: Any, where: str) -> dict[str, Any]:
    if kind in _TEXTS:
        text = part.get("text")
        if not isinstance(text, str):
            raise RejectedBody(f"{where}.text must be text, got {shown(text)}", param=f"{where}.text")
        return {"type": "text", "text": text}
    if kind in _IMAGES:
        return {"type": "image_url", "image_url": _image(part, where)}
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return {"type": "refusal", "refusal": part["refusal"]}
    message = f"{where}.type must be text or image_url, got {shown(kind)}: nothing else can be sent on"
    raise RejectedBody(message, param=f"{where}.type", code="unsupported_content")


def _image(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    told = part.get("image_url")
    image = {"url": told, "detail": part.get("detail")} if isinstance(told, str) else told
    if not isinstance(image, dict) or not isinstance(image.get("url"), str) or not image["url"]:
        raise RejectedBody(f"{where}.image_url must be an object with a url", param=f"{where}.image_url")
    check_picture(image["url"], f"{where}.image_url.url")
    return {name: image[name] for name in ("url", "detail") if isinstance(image.get(name), str)}
