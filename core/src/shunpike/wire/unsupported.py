"""What of a request a provider can't honour, told in sentences: nothing is left out silently."""

from __future__ import annotations

from shunpike.errors import NotHere
from shunpike.types import Call, ChatRequest
from shunpike.types.base import told
from shunpike.wire.body import OURS
from shunpike.wire.dialect import Dialect


def lost(call: Call, dialect: Dialect, provider: str, *, streamed: bool) -> tuple[str, ...]:
    """Return a sentence for each parameter that was given and can't be honoured."""
    request = call.request
    asked = told(request)
    dropped = [
        name
        for name in (*dialect.drop, *(dialect.drop_with_stream if streamed else ()))
        if name not in OURS and asked.get(name) is not None
    ]
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
    effort = request.reasoning_effort
    if effort == "none" and "reasoning_effort" not in dropped:
        least = dialect.effort(call.model, effort)
        if least != effort:
            found.append(f"{call.model} can't be told not to reason: its effort is {least!r} instead")
    for name in dialect.message_drop:
        if any(told(message).get(name) is not None for message in request.messages):
            found.append(f"{provider} does not take {name!r} on messages: it was left out")
    return tuple(found)


def _instead(dialect: Dialect) -> str:
    return "plain JSON was asked for instead" if dialect.json_object else "'response_format' was left out"


def strangers(request: ChatRequest, provider: str) -> tuple[str, ...]:
    """Return a sentence for each other provider that wants something back which only it understands."""
    kept = {name for message in request.messages for name in message.private or {}}
    return tuple(
        f"what {name} wants back with its answers is not for {provider}: it was left out"
        for name in sorted(kept - {provider})
    )


def check_parts(call: Call, dialect: Dialect, provider: str) -> None:
    """Raise `NotHere` (unsupported) for a message part that can't be sent: left out, the question is another one."""
    for message in call.request.messages:
        role = dialect.roles.get(message.role, message.role)
        taken = ("text",) if role in dialect.text_only else dialect.parts
        for part in message.content if taken and isinstance(message.content, tuple) else ():
            if part.type not in taken and part.type != "refusal":
                where = f" in a message of role {message.role!r}" if role in dialect.text_only else ""
                text = f"{provider} takes no message part of type {part.type!r}{where}; expected {' or '.join(taken)}"
                raise NotHere(text, provider=provider, model=call.model, kind="unsupported")
