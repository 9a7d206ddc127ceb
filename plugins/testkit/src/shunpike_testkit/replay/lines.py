"""The result of a replay as the line of JSON, or of text, that is printed for it."""

from __future__ import annotations

from typing import Any

from shunpike.errors import ProviderError
from shunpike.types import Answer, Choice, EmbedAnswer, Usage
from shunpike.types.usage import Basis
from shunpike.wire.lenient import table
from shunpike_testkit.replay.asking import Reading
from shunpike_testkit.replay.play import Played
from shunpike_testkit.replay.recording import Recording

OF_A_CHOICE = ("text", "reasoning_chars", "tool_calls", "finish_reason", "refusal")
OF_AN_ANSWER = ("choices", "usage", "model", "system_fingerprint", "cost", "citations", "logprobs", "private")


def line(played: Played) -> dict[str, Any]:
    """Return all that is known of a replay, null for what is absent.

    ``ok`` = the plugin gave an answer or a typed error, the same one however the bytes were cut. ``skipped`` is there
    only for endpoints that the plugin does not speak, ``raised`` and ``unequal`` only where something is wrong.
    """
    recording, reading = played.recording, played.reading
    head: dict[str, Any] = {
        "file": recording.file,
        "provider": recording.provider,
        "endpoint": recording.endpoint,
        "ok": played.ok if played.skipped is None else None,
        **_answer(reading),
        "error": None if reading.error is None else _error(reading.error),
        "evidence": [row.model_dump(mode="json") for row in reading.evidence],
        "warnings": list(reading.answer.warnings) if reading.answer else [],
        "models": reading.models,
        "embeddings": _embeddings(reading),
        "tokens": reading.tokens,
        "request_diff": played.request_diff,
    }
    wrong = {"skipped": played.skipped, "raised": reading.raised, "unequal": list(played.unequal) or None}
    return head | {name: value for name, value in wrong.items() if value is not None}


def unreadable(file: str, why: str) -> dict[str, Any]:
    """Return the line of a file that is no recording."""
    nobody = Recording(file=file, provider="", endpoint="", model="", status=0, headers={}, body=b"", streamed=False)
    return line(Played(nobody, Reading(raised=why)))


def _answer(reading: Reading) -> dict[str, Any]:
    answer = reading.answer
    if answer is None:
        vectors = reading.embedded
        empty: dict[str, Any] = dict.fromkeys((*OF_A_CHOICE, *OF_AN_ANSWER))
        return empty if vectors is None else empty | _totals(vectors)
    choices = [_choice(choice) for choice in answer.choices]
    if reading.error is not None:
        # A stream that broke: only what had arrived, and no end but one that was told.
        choices = [{**row, "finish_reason": reading.finish} for row in choices]
    return {
        **{name: choices[0][name] for name in OF_A_CHOICE},
        "choices": choices if len(choices) > 1 else None,
        **_totals(answer),
        "system_fingerprint": answer.system_fingerprint,
        **_extras(answer.choices[0]),
    }


def _totals(answer: Answer | EmbedAnswer) -> dict[str, Any]:
    cost = answer.stated_cost
    return {
        "usage": _usage(answer.usage),
        "model": answer.model,
        "cost": None if cost is None else f"{cost.dollars.normalize():f}",
    }


def _extras(choice: Choice) -> dict[str, Any]:
    """Return what few answers have: the addresses they cite, how many tokens have a probability, what is echoed."""
    message = choice.message
    cited = [table(row.get("url_citation")).get("url") for row in message.annotations or ()]
    counted = [len(rows) for rows in (choice.logprobs or {}).values() if isinstance(rows, list)]
    return {
        "citations": cited or None,
        "logprobs": sum(counted) or None,
        "private": next(iter((message.private or {}).values()), None),
    }


def _embeddings(reading: Reading) -> dict[str, int] | None:
    if reading.embedded is None:
        return None
    vectors = reading.embedded.vectors
    return {"count": len(vectors), "dimensions": len(vectors[0]) if vectors else 0}


def _choice(choice: Choice) -> dict[str, Any]:
    message = choice.message
    return {
        "index": choice.index,
        "text": message.text,
        "reasoning_chars": len(message.reasoning or ""),
        "tool_calls": [
            {"name": call.function.name, "arguments": call.function.arguments} for call in message.tool_calls or ()
        ],
        "finish_reason": choice.finish_reason,
        "refusal": message.refusal,
    }


def _usage(usage: Usage) -> dict[str, int] | None:
    if usage.basis is Basis.ABSENT:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _error(error: ProviderError) -> dict[str, Any]:
    cause = error.__cause__
    return {
        "kind": error.kind,
        "status": error.status,
        "retry_at": getattr(error, "retry_at", None),
        "reset_at": getattr(error, "reset_at", None),
        "limit": getattr(error, "limit", None),
        "class": type(error).__name__,
        "message": error.message,
        # A stream that broke off after its first content is an interruption, whatever it was that broke it.
        "cause": cause.kind if isinstance(cause, ProviderError) else None,
    }


def text(row: dict[str, Any]) -> str:
    """Return the line for a person."""
    if "skipped" in row:
        return f"skip  {row['file']}: {row['skipped']}"
    if "raised" in row or "unequal" in row:
        return f"FAIL  {row['file']}: {row.get('raised') or 'differs when cut: ' + ', '.join(row['unequal'])}"
    if row["error"] is not None:
        return f"ok    {row['file']}: {row['error']['kind']}"
    for name in ("models", "embeddings", "tokens"):
        if (found := row[name]) is not None:
            return f"ok    {row['file']}: {name} {len(found) if name == 'models' else found}"
    return f"ok    {row['file']}: {row['finish_reason']}, {len(row['text'] or '')} characters"
