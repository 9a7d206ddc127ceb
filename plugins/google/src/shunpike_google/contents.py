"""Turns the messages of a chat into Gemini's ``contents``."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shunpike.errors import NotHere, RequestError
from shunpike.types import ImagePart, Message, OtherPart, TextPart, ToolCall
from shunpike.wire.body import joined
from shunpike.wire.lenient import decode, string, table

PROVIDER = "google"
DEFAULT_TYPES = {"image": "image/jpeg", "file": "application/pdf"}
"""The media types of addresses whose ending tells none."""
DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,([A-Za-z0-9+/=_\s-]*)")
LOST_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for a function call whose signature is gone, such as one that another provider made."""

Json = dict[str, Any]


def system_parts(messages: Sequence[Message]) -> list[Json]:
    """Return the texts of all system and developer messages, in their order. Raises `NotHere` for any other part."""
    told = [_text(one) for one in messages if one.role in ("system", "developer")]
    return [{"text": text} for text in told if text]


def contents(messages: Sequence[Message], model: str, *, call_ids: bool) -> list[Json]:
    """Return the turns. ``call_ids``: the model takes ids of calls and wants its signatures back.

    Raises `RequestError` for a tool message that answers no call, `NotHere` for a part that Gemini does not take.
    """
    names = {call.id: call.function.name for one in messages for call in one.tool_calls or ()}
    turns: list[Json] = []
    for message in messages:
        match message.role:
            case "system" | "developer":
                continue
            case "tool" | "function":
                _add_result(turns, message, _name(message, names, model), call_ids=call_ids)
            case "assistant":
                if parts := _said(message, call_ids=call_ids, model=model):
                    turns.append({"role": "model", "parts": parts})
            case _:
                if parts := _parts(message, model):
                    turns.append({"role": "user", "parts": parts})
    return turns


def _parts(message: Message, model: str) -> list[Json]:
    if isinstance(message.content, str):
        return [{"text": message.content}] if message.content else []
    return [_part(part, model) for part in message.content or ()]


def _part(part: TextPart | ImagePart | OtherPart, model: str) -> Json:
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, ImagePart):
        return _inline(part.image_url.url, "image", model)
    more = part.model_extra or {}
    if part.type == "input_audio":
        audio = table(more.get("input_audio"))
        return {"inlineData": {"mimeType": f"audio/{string(audio.get('format'))}", "data": string(audio.get("data"))}}
    if part.type == "file" and (data := string(table(more.get("file")).get("file_data"))):
        return _inline(data, "file", model)
    if part.type == "refusal":
        return {"text": joined([part])}
    raise _unsupported(f"a message part of type {part.type!r}", model)


def _text(message: Message) -> str:
    """Return the text of a message that can't hold anything else: what else there is must not get lost."""
    if not isinstance(message.content, tuple):
        return message.content or ""
    if strange := next((part.type for part in message.content if part.type not in ("text", "refusal")), None):
        raise _unsupported(f"a message part of type {strange!r} in a message of role {message.role!r}", "")
    return joined(message.content)


def _inline(url: str, what: str, model: str) -> Json:
    if found := DATA_URL.fullmatch(url):
        return {"inlineData": {"mimeType": found[1], "data": found[2]}}
    if url.startswith("data:"):
        raise RequestError(
            f"the {what} holds a data URL that can't be read; expected data:image/png;base64,…",
            provider=PROVIDER,
            model=model,
        )
    if url.startswith(("https://", "http://")):
        # Google fetches public addresses itself (since 2026-01). Fetching here would let a caller choose whom we call.
        kind = mimetypes.guess_type(urlsplit(url).path)[0] or DEFAULT_TYPES.get(what, "application/octet-stream")
        return {"fileData": {"mimeType": kind, "fileUri": url}}
    hint = "pass the bytes as a data URL: data:image/png;base64,…"
    raise _unsupported(f"an address such as {url[:20]!r} of the {what}", model, hint=hint)


def _unsupported(what: str, model: str, hint: str | None = None) -> NotHere:
    return NotHere(
        f"{what} is not supported by google", provider=PROVIDER, model=model or None, kind="unsupported", hint=hint
    )


def _said(message: Message, *, call_ids: bool, model: str) -> list[Json]:
    kept = table(table(message.private).get(PROVIDER))
    signatures = table(kept.get("calls"))
    parts = _parts(message, model)
    if not parts and message.refusal:
        parts = [{"text": message.refusal}]
    if (signature := string(kept.get("text"))) and parts:
        parts[-1]["thoughtSignature"] = signature
    calls = message.tool_calls or ()
    known = [string(signatures.get(call.id)) for call in calls]
    if call_ids and known and not any(known):
        # Of calls made at once only the first carries a signature.
        known[0] = LOST_SIGNATURE
    for call, signature in zip(calls, known, strict=True):
        part: Json = {"functionCall": _call(call, model, call_ids=call_ids)}
        if signature:
            part["thoughtSignature"] = signature
        parts.append(part)
    return parts


def _call(call: ToolCall, model: str, *, call_ids: bool) -> Json:
    try:
        arguments = decode(call.function.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, Mapping):
        # Others take the arguments as the text they are; Gemini wants the object.
        raise _unsupported(f"the tool call {call.id!r}, whose arguments are no JSON object,", model)
    made: Json = {"name": call.function.name, "args": arguments}
    return {"id": call.id, **made} if call_ids else made


def _name(message: Message, names: Mapping[str, str], model: str) -> str:
    name = names.get(message.tool_call_id or "") or message.name
    if not name:
        raise RequestError(
            f"a tool message answers the call {message.tool_call_id!r}, which no assistant message makes",
            provider=PROVIDER,
            model=model,
        )
    return name


def _add_result(turns: list[Json], message: Message, name: str, *, call_ids: bool) -> None:
    response: Json = {"name": name, "response": _result(_text(message))}
    if call_ids and message.tool_call_id:
        response = {"id": message.tool_call_id, **response}
    part = {"functionResponse": response}
    last = turns[-1] if turns else None
    if last is not None and last["role"] == "user" and "functionResponse" in last["parts"][-1]:
        # The results of calls made at once belong into one turn.
        last["parts"].append(part)
    else:
        turns.append({"role": "user", "parts": [part]})


def _result(text: str) -> Json:
    """Return a tool's result as an object, which Gemini insists on."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"output": text}
