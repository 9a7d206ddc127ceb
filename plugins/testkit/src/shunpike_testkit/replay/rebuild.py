"""Makes a request of ours out of a recorded one, so that the plugin's rendering can be compared with the original."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from shunpike.errors import UsageError
from shunpike.types import Call, ChatRequest, EmbedCall, EmbedRequest, Timeouts
from shunpike_testkit.replay.gemini import from_gemini
from shunpike_testkit.replay.recording import ODD, Recording

ATTEMPT = "replay"
DEFAULT_CAP = 1024
"""Output tokens to ask for where the recorded request had no bound; every request of ours carries one."""
TIMEOUTS = Timeouts(connect=5, first_token=20, idle=20, total=60)
PLAIN = ChatRequest(messages=[{"role": "user", "content": "Say ok."}])
NATIVE = ("generateContent", "streamGenerateContent", "countTokens", "batchEmbedContents")


def rebuild(recording: Recording) -> ChatRequest | None:
    """Return the recorded request in our words; None where none was recorded.

    Raises `UsageError` naming what our words can't say.
    """
    if recording.request is None:
        return None
    native = recording.endpoint in NATIVE
    with _named_oddity():
        data = from_gemini(recording.request) if native else from_openai(recording.request, recording.provider)
        return ChatRequest(**data)


def make_call(recording: Recording, request: ChatRequest) -> Call:
    """Return the attempt that asks for what was recorded. Raises `UsageError` naming what our words can't say."""
    told = (recording.request or {}).get("model")
    model = recording.model or (told if isinstance(told, str) else "") or "some-model"
    with _named_oddity():
        return Call(
            request=request,
            model=model,
            max_output=request.output_cap or DEFAULT_CAP,
            attempt_id=ATTEMPT,
            timeouts=TIMEOUTS,
        )


def make_embed_call(recording: Recording) -> EmbedCall:
    """Return the recorded call for vectors. Raises `UsageError` for one that our words can't say."""
    plain = make_call(recording, PLAIN)
    sent = recording.request or {}
    with _named_oddity():
        texts = sent.get("input", [])
        if rows := sent.get("requests"):
            texts = [part.get("text") for row in rows for part in row["content"]["parts"]]
        texts = [texts] if isinstance(texts, str) else texts
        request = EmbedRequest(model=plain.model, input=texts or ["a"], dimensions=sent.get("dimensions"))
        return EmbedCall(request=request, model=plain.model, attempt_id=ATTEMPT, timeouts=TIMEOUTS)


@contextmanager
def _named_oddity() -> Iterator[None]:
    """Say in a `UsageError` what is odd about a recorded request."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"{place}: {first['msg']}") from error
    except ODD as error:
        raise UsageError(f"the recorded request is odd: {type(error).__name__} {error}") from error


def from_openai(sent: Mapping[str, Any], provider: str) -> dict[str, Any]:
    """Return the fields of a `ChatRequest`; what an earlier answer gave comes back as an answer of ours keeps it."""
    data = {name: value for name, value in sent.items() if name not in ("model", "messages") and value is not None}
    return {**data, "messages": [_message(row, provider) for row in sent.get("messages") or ()]}


def _message(row: Any, provider: str) -> Any:
    if not isinstance(row, Mapping):
        return row
    message = {name: value for name, value in row.items() if value is not None}
    thought = message.pop("reasoning_content", None)
    if thought is not None:
        message.setdefault("reasoning", thought)
    if details := message.pop("reasoning_details", None):
        message["private"] = {provider: {"reasoning_details": details}}
    return message
