"""What callers and programs read in OpenAI's words fits OpenAI's own description of it."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from shunpike.errors import (
    AuthError,
    BadAnswer,
    ConfigError,
    Exhausted,
    NoCredential,
    NotHere,
    Overloaded,
    PluginError,
    RateLimited,
    RequestError,
    ShunpikeError,
    StoreError,
    UnknownModel,
    UsageError,
)
from shunpike.masking import remember
from shunpike.openai_format import ChunkFormat, error_body, error_type, status_of
from shunpike.types import (
    AttemptRecord,
    Basis,
    Candidate,
    Cause,
    Choice,
    Chunk,
    Completion,
    Decision,
    Embedding,
    FunctionCall,
    Message,
    ToolCall,
    ToolCallDelta,
    Usage,
    Verdict,
)

ROOT = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("SHUNPIKE_SPECS", ROOT.parent / "shared" / "specs"))
SPEC = SPECS / "openai-2026-08-21.json.gz"
DECISION = Decision(requested_model="auto", strategy="priority")
USAGE = Usage(prompt_tokens=9, completion_tokens=3, cached_tokens=2, reasoning_tokens=1, basis=Basis.MEASURED)
LOGPROBS = {"content": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]}
CITED = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 2, "url": "https://example.com/a", "title": "A"},
}
MESSAGES = (
    Message(role="assistant", content="Hi"),
    Message(role="assistant", content="Hi", reasoning="Hm", annotations=(CITED,), private={"acme": {"signature": "x"}}),
    Message(role="assistant", refusal="No."),
    Message(
        role="assistant", tool_calls=(ToolCall(id="call_1", function=FunctionCall(name="weather", arguments="{}")),)
    ),
)


@cache
def _schemas() -> dict[str, Any]:
    if not SPEC.is_file():
        pytest.skip(f"{SPEC.name} is not at hand")
    with gzip.open(SPEC) as file:
        found: dict[str, Any] = _with_null(json.load(file))
    return found


def _with_null(schema: Any) -> Any:
    """Return a schema of OpenAPI's as one of JSON Schema, which has no ``nullable``."""
    if isinstance(schema, list):
        return [_with_null(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _with_null(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") is True else found


def fits(name: str, value: Any) -> None:
    plain = json.loads(json.dumps(value, allow_nan=False))
    root = {"$ref": f"#/components/schemas/{name}", "components": _schemas()["components"]}
    jsonschema_rs.validator_for(root, offline=True).validate(plain)


def completion(*messages: Message, logprobs: dict[str, Any] | None = None) -> Completion:
    return Completion(
        request_id="req_1",
        provider="acme",
        model="m",
        requested_model="auto",
        choices=tuple(
            Choice(
                index=place,
                message=one,
                finish_reason="tool_calls" if one.tool_calls else "stop",
                logprobs=logprobs,
            )
            for place, one in enumerate(messages)
        ),
        usage=USAGE,
        decision=DECISION,
        created=1_800_000_000.5,
        seconds=0.1,
    )


@pytest.mark.parametrize("message", MESSAGES, ids=["text", "thought", "refusal", "calls"])
def test_an_answer_is_a_chat_completion(message: Message) -> None:
    body = completion(message).openai()
    fits("CreateChatCompletionResponse", body)
    assert "private" not in body["choices"][0]["message"]


def test_several_answers_with_log_probabilities_are_one_chat_completion() -> None:
    body = completion(*MESSAGES[:2], logprobs=LOGPROBS).openai()
    fits("CreateChatCompletionResponse", body)
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert body["choices"][1]["message"]["reasoning_content"] == "Hm"
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}


def test_the_fingerprint_of_what_answered_is_told_where_it_is_known() -> None:
    named = completion(MESSAGES[0]).model_copy(update={"system_fingerprint": "fp_1"}).openai()
    fits("CreateChatCompletionResponse", named)
    assert named["system_fingerprint"] == "fp_1"
    assert "system_fingerprint" not in completion(MESSAGES[0]).openai()
    form = ChunkFormat("req_1", 1_800_000_000.5, "auto")
    bodies = [form.body(one) for one in (Chunk(text="H", system_fingerprint="fp_1"), Chunk(text="i"))]
    for body in bodies:
        fits("CreateChatCompletionStreamResponse", body)
    assert [body and body["system_fingerprint"] for body in bodies] == ["fp_1", "fp_1"]


def test_vectors_are_a_list_of_embeddings() -> None:
    done = Embedding(
        request_id="req_1",
        provider="acme",
        model="m",
        requested_model="m",
        vectors=((1.0, 2.0), (3.0, 4.0)),
        usage=USAGE,
        decision=DECISION,
        created=1.0,
        seconds=0.1,
    )
    fits("CreateEmbeddingResponse", done.openai())


def test_the_chunks_of_a_stream_are_chat_completion_chunks() -> None:
    form = ChunkFormat("req_1", 1_800_000_000.5, "auto")
    chunks = [
        Chunk(model="m"),
        Chunk(reasoning="Hm"),
        Chunk(text="H", logprobs=LOGPROBS),
        Chunk(text="i"),
        Chunk(index=1, tool_calls=(ToolCallDelta(index=0, id="call_1", name="weather"),)),
        Chunk(index=1, tool_calls=(ToolCallDelta(index=0, arguments="{}"),)),
        Chunk(index=1, finish_reason="tool_calls"),
        Chunk(annotations=(CITED,), finish_reason="stop"),
        Chunk(usage=USAGE),
    ]
    bodies = [body for chunk in chunks if (body := form.body(chunk)) is not None]
    assert len(bodies) == len(chunks) - 2, "what holds nothing for a reader is none"
    for body in (*bodies, form.usage(USAGE)):
        fits("CreateChatCompletionStreamResponse", body)
    deltas = [body["choices"][0]["delta"] for body in bodies]
    assert [delta.get("role") for delta in deltas] == ["assistant", None, None, "assistant", None, None, None]
    assert deltas[3]["tool_calls"] == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    ]
    assert deltas[4]["tool_calls"] == [{"index": 0, "type": "function", "function": {"arguments": "{}"}}]
    assert {body["model"] for body in bodies} == {"m"}
    assert form.usage(USAGE)["choices"] == []


def exhausted(
    cause: Cause | None, *errors: str, retry_at: float | None = None, beside: tuple[Cause, ...] = ()
) -> Exhausted:
    candidates = tuple(
        Candidate(provider="acme", model=f"m{number or ''}", verdict=Verdict.DROPPED, cause=one, reason="why")
        for number, one in enumerate((cause, *beside))
    )
    attempts = tuple(
        AttemptRecord(id="a", provider="acme", model="m", started_at=1.0, seconds=0.1, error=one) for one in errors
    )
    decision = DECISION.model_copy(update={"candidates": candidates, "attempts": attempts})
    return Exhausted("nobody can answer", decision=decision, retry_at=retry_at)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (UsageError("wrong"), "invalid_request_error", 400),
        (UnknownModel("no such model"), "invalid_request_error", 404),
        (RequestError("wrong", provider="acme"), "invalid_request_error", 400),
        (NotHere("too large", provider="acme", kind="too_large"), "api_error", 413),
        (ConfigError("wrong"), "configuration_error", 500),
        (PluginError("broke", plugin="acme"), "configuration_error", 500),
        (StoreError("locked"), "error", 503),
        (NoCredential("no key"), "authentication_error", 503),
        (AuthError("refused", provider="acme"), "authentication_error", 503),
        (RateLimited("slower", provider="acme"), "rate_limit_error", 429),
        (Overloaded("busy", provider="acme"), "api_error", 502),
        (Overloaded("late", provider="acme", kind="timeout"), "api_error", 504),
        (BadAnswer("no JSON", provider="acme", kind="schema_invalid"), "api_error", 502),
        (exhausted(Cause.QUOTA, retry_at=2.0), "rate_limit_error", 429),
        (exhausted(Cause.POLICY), "configuration_error", 500),
        (exhausted(Cause.KEY), "authentication_error", 503),
        (exhausted(Cause.PRICE), "configuration_error", 500),
        (exhausted(Cause.DATA_POLICY), "configuration_error", 500),
        (exhausted(Cause.NO_PAID), "invalid_request_error", 400),
        (exhausted(Cause.QUALITY), "invalid_request_error", 400),
        (exhausted(Cause.CONTEXT), "invalid_request_error", 400),
        (exhausted(Cause.UNKNOWN_CONTEXT), "invalid_request_error", 400),
        (exhausted(Cause.DISABLED, "disabled"), "configuration_error", 500),
        (exhausted(Cause.DISABLED, "disabled", "overloaded"), "api_error", 502),
        (exhausted(None, "auth"), "authentication_error", 503),
        (exhausted(Cause.OFF, beside=(Cause.KEY, Cause.UNABLE)), "invalid_request_error", 400),
        (exhausted(Cause.DISABLED, beside=(Cause.BAD_KEY, Cause.UNABLE)), "invalid_request_error", 400),
        (exhausted(Cause.POLICY, beside=(Cause.UNABLE,)), "configuration_error", 500),
        (exhausted(Cause.TROUBLE, beside=(Cause.UNABLE,)), "api_error", 502),
        (exhausted(None, "too_large"), "invalid_request_error", 400),
        (exhausted(Cause.UNABLE, "unsupported", "too_large"), "invalid_request_error", 400),
        (exhausted(Cause.TROUBLE, "unsupported"), "api_error", 502),
        (exhausted(None, "overloaded"), "api_error", 502),
        (OSError(28, "No space left on device", "ledger.db"), "error", 500),
        (ValueError("odd"), "error", 500),
    ],
)
def test_an_error_has_the_type_and_the_status_of_what_has_to_change(error: Exception, kind: str, status: int) -> None:
    body = error_body(error)
    fits("Error", body)
    assert (body["type"], error_type(error), status_of(error)) == (kind, kind, status)
    assert json.dumps(body)


def test_an_error_tells_who_was_tried_and_who_was_not() -> None:
    body = error_body(exhausted(Cause.QUOTA, "overloaded", retry_at=1_800_000_000))
    assert body["code"] == "exhausted"
    assert body["retry_at"] == "2027-01-15T08:00:00+00:00"
    assert body["blocked"] == [
        {"provider": "acme", "model": "m", "by": None, "cause": "quota", "reason": "why", "retry_at": None}
    ]
    assert body["attempts"] == [{"provider": "acme", "model": "m", "status": None, "code": "overloaded", "ms": 100}]


def test_a_key_is_masked_in_an_error() -> None:
    remember("sk-openai-format-0123456789")
    assert "0123456789" not in json.dumps(error_body(ShunpikeError("the key sk-openai-format-0123456789 is wrong")))
