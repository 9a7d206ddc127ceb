"""The JSON that is sent: a request in the provider's own words, by its dialect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shunpike.types import Call, Message, TextPart
from shunpike.types.chat import Part
from shunpike.wire.dialect import Dialect

OURS = frozenset({"messages", "model", "max_tokens", "max_completion_tokens", "stream", "stream_options"})
"""Parameters that this module sets itself."""
NEVER_SENT = frozenset({"private", "reasoning", "reasoning_content", "annotations"})
"""Fields of messages that are our own, or that only an answer has."""
ECHOED = frozenset({"reasoning_details", "thinking_blocks", "provider_specific_fields", "executed_tools", "citations"})
"""Fields of one provider's answers that clients send back to another, which refuses them."""


def chat_body(call: Call, dialect: Dialect, provider: str) -> dict[str, Any]:
    """Return the body of a chat request, always with an output cap; what the dialect lacks is left out."""
    asked = given(call)
    body: dict[str, Any] = {
        "model": call.model,
        "messages": _messages(call, dialect, provider),
        **dialect.extra_body,
        **asked,
    }
    _fit_format(body, dialect)
    if call.request.reasoning_effort is not None:
        body["reasoning_effort"] = dialect.effort(call.model, call.request.reasoning_effort)
        if body["reasoning_effort"] is None:
            del body["reasoning_effort"]
    if dialect.single_choice:
        body.pop("n", None)
    stop = body.get("stop")
    if dialect.max_stop is not None and isinstance(stop, list | tuple):
        body["stop"] = stop[: dialect.max_stop]
    for name in dialect.drop:
        body.pop(name, None)
    for ours, theirs in dialect.rename.items():
        if ours in body:
            body[theirs] = body.pop(ours)
    body[dialect.max_tokens_name] = call.max_output
    return body


def stream_body(body: dict[str, Any], call: Call, dialect: Dialect) -> dict[str, Any]:
    """Return ``body`` for a streamed answer that tells its usage."""
    streamed = {name: value for name, value in body.items() if name not in dialect.drop_with_stream}
    streamed["stream"] = True
    if dialect.stream_options:
        streamed["stream_options"] = {**(call.request.stream_options or {}), "include_usage": True}
    return streamed


def given(call: Call) -> dict[str, Any]:
    """Return the parameters that the caller set, apart from `OURS`."""
    return call.request.model_dump(exclude_none=True, exclude=set(OURS))


def _fit_format(body: dict[str, Any], dialect: Dialect) -> None:
    wanted = body.get("response_format", {}).get("type")
    if wanted == "json_schema" and not dialect.json_schema:
        body["response_format"] = {"type": "json_object"}
        wanted = "json_object"
    if wanted == "json_object" and not dialect.json_object:
        del body["response_format"]


def _messages(call: Call, dialect: Dialect, provider: str) -> list[dict[str, Any]]:
    unwanted = {*NEVER_SENT, *dialect.message_drop, *ECHOED.difference(dialect.private_fields)}
    found = []
    for message in call.request.messages:
        data = message.model_dump(exclude_none=True, exclude=unwanted)
        data["role"] = dialect.roles.get(message.role, message.role)
        if message.role == "tool":
            data.pop("name", None)  # The id says whose result it is, and not everybody takes a name beside it.
        if isinstance(message.content, tuple):
            data["content"] = _content(message.content, data["role"], dialect)
        refusal = None if dialect.send_refusal else data.pop("refusal", None)
        if refusal and message.content is None:
            data["content"] = refusal
        elif not message.content and dialect.null_content and (message.tool_calls or message.content is None):
            data["content"] = None
        elif message.content is None and not (message.tool_calls or message.refusal):
            data["content"] = ""  # A turn that says nothing is taken by everybody, one without the field is not.
        if dialect.send_reasoning and message.tool_calls:
            # Empty where another model made the calls: what counts is that the field is there.
            data[dialect.send_reasoning] = thoughts(message, provider)
        if message.private and dialect.private_fields:
            data.update(_pick(message.private.get(provider), dialect.private_fields))
        found.append(data)
    return found


def _content(parts: tuple[Part, ...], role: str, dialect: Dialect) -> Any:
    # Who wants one text in some roles takes one everywhere, and some of its models nothing else.
    if role in dialect.text_only or (dialect.text_only and all(_words(part) for part in parts)):
        return joined(parts)
    told = [part.model_dump(exclude_none=True) for part in parts]
    if dialect.send_refusal:
        return tuple(told)
    return tuple(_refused(part, data) for part, data in zip(parts, told, strict=True))


def _refused(part: Part, data: dict[str, Any]) -> dict[str, Any]:
    """Return a refusal as the text that it is, any other part as it was told."""
    return {"type": "text", "text": _words(part)} if part.type == "refusal" else data


def joined(parts: Iterable[Part]) -> str:
    """Return the text of parts as one, each from a line of its own.

    Parts are blocks, such as instructions and a document: run together, the last word of one and the first of the
    next would be another word. Inference servers join them so too.
    """
    return "\n".join(text for part in parts if (text := _words(part)))


def _words(part: Part) -> str:
    """Return the text of a part, or of the refusal that it is."""
    if isinstance(part, TextPart):
        return part.text
    refusal = (part.model_extra or {}).get("refusal") if part.type == "refusal" else None
    return refusal if isinstance(refusal, str) else ""


def thoughts(message: Message, provider: str) -> str:
    """Return the thinking of a message; a client that echoes an answer names it as the OpenAI-like answer did.

    Empty where another provider made the message, as far as its private parts tell: foreign thoughts are sent nowhere.
    """
    if message.private and provider not in message.private:
        return ""
    echoed = (message.model_extra or {}).get("reasoning_content")
    return message.reasoning or (echoed if isinstance(echoed, str) else "")


def _pick(own: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: own[name] for name in names if name in own} if isinstance(own, dict) else {}
