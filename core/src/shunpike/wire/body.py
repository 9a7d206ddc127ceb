"""The JSON that is sent: a request in the provider's own words, by its dialect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shunpike.types import Call
from shunpike.wire.dialect import Dialect

OURS = frozenset({"messages", "model", "max_tokens", "max_completion_tokens", "stream", "stream_options"})
"""Parameters that this module sets itself."""


def chat_body(call: Call, dialect: Dialect, provider: str) -> dict[str, Any]:
    """Return the body of a chat request, always with an output cap; what the dialect lacks is left out."""
    given = _given(call)
    body: dict[str, Any] = {
        "model": call.model,
        "messages": _messages(call, dialect, provider),
        **dialect.extra_body,
        **given,
    }
    _fit_format(body, dialect)
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


def lost(call: Call, dialect: Dialect, provider: str, *, streamed: bool) -> tuple[str, ...]:
    """Return a sentence for each parameter that was given and can't be honoured."""
    request = call.request
    given = _given(call)
    dropped = [name for name in (*dialect.drop, *(dialect.drop_with_stream if streamed else ())) if name in given]
    found = [f"{provider} does not take {name!r}: it was left out" for name in dropped]
    if dialect.single_choice and (request.n or 1) > 1:
        found.append(f"{provider} gives one choice per request: n={request.n} was left out")
    stop = request.stop
    if dialect.max_stop is not None and isinstance(stop, tuple) and len(stop) > dialect.max_stop:
        found.append(
            f"{provider} takes {dialect.max_stop} stop sequences: {len(stop) - dialect.max_stop} were left out"
        )
    if request.json_mode == "json_schema" and not dialect.json_schema and "response_format" not in dropped:
        found.append(f"{provider} does not take a JSON schema: {_instead(dialect)}")
    if request.json_mode == "json_object" and not dialect.json_object and "response_format" not in dropped:
        found.append(f"{provider} has no JSON mode: 'response_format' was left out")
    for name in dialect.message_drop:
        if any(name in message.model_dump(exclude_none=True) for message in request.messages):
            found.append(f"{provider} does not take {name!r} on messages: it was left out")
    return tuple(found)


def _instead(dialect: Dialect) -> str:
    return "plain JSON was asked for instead" if dialect.json_object else "'response_format' was left out"


def _given(call: Call) -> dict[str, Any]:
    return call.request.model_dump(exclude_none=True, exclude=set(OURS))


def _fit_format(body: dict[str, Any], dialect: Dialect) -> None:
    wanted = body.get("response_format", {}).get("type")
    if wanted == "json_schema" and not dialect.json_schema:
        body["response_format"] = {"type": "json_object"}
        wanted = "json_object"
    if wanted == "json_object" and not dialect.json_object:
        del body["response_format"]


def _messages(call: Call, dialect: Dialect, provider: str) -> list[dict[str, Any]]:
    unwanted = {"private", "reasoning", *dialect.message_drop}
    found = []
    for message in call.request.messages:
        data = message.model_dump(exclude_none=True, exclude=unwanted)
        data["role"] = dialect.roles.get(message.role, message.role)
        if message.content is None and dialect.null_content:
            data["content"] = None
        if dialect.send_reasoning and message.reasoning and message.tool_calls:
            data[dialect.send_reasoning] = message.reasoning
        if message.private and dialect.private_fields:
            data.update(_pick(message.private.get(provider), dialect.private_fields))
        found.append(data)
    return found


def _pick(own: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: own[name] for name in names if name in own} if isinstance(own, dict) else {}
