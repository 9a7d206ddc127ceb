"""Reads what ``generateContent`` answers: whole, or event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.errors import BadAnswer, ProviderError, RequestError
from shunpike.types import (
    ABSENT,
    Answer,
    Bill,
    Call,
    Choice,
    Chunk,
    FunctionCall,
    Message,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from shunpike.types.finish import no_choice
from shunpike.wire.lenient import count, rows, string, table
from shunpike.wire.usage import usage_of
from shunpike_google.calls import CallCollector
from shunpike_google.citations import citations
from shunpike_google.contents import PROVIDER

_UNNAMED_BLOCKS = frozenset({"", "OTHER", "BLOCK_REASON_UNSPECIFIED"})
NUMBERED = (
    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE", "BLOCKLIST",
    "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
)  # fmt: skip
"""Finish reasons by their number in the protocol: some gateways before Google answer with numbers."""
FILTERED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
CITING = frozenset({"citationMetadata", "groundingMetadata"})
BROKEN = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "LANGUAGE"})


class AnswerCandidate:
    """One of the answers as it grows."""

    def __init__(self, seed: str) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls = CallCollector(seed)
        self.finish = ""
        self.warnings: list[str] = []
        self.cited: list[dict[str, Any]] = []
        self._signature = ""

    def add(self, index: int, data: Mapping[str, Any]) -> Chunk:
        """Take in what one event or answer says of this candidate; return it as a chunk."""
        text: list[str] = []
        reasoning: list[str] = []
        deltas = []
        for part in rows(table(data.get("content")).get("parts")):
            if "functionCall" in part:
                if made := self.calls.add(part):
                    number = len(self.calls.made) - 1
                    deltas.append(ToolCallDelta(index=number, id=made.id, name=made.name, arguments=made.arguments))
            elif "text" in part:
                (reasoning if part.get("thought") is True else text).append(string(part["text"]))
                self._signature = string(part.get("thoughtSignature")) or self._signature
        told = data.get("finishReason")
        if isinstance(told, int) and 0 <= told < len(NUMBERED):
            told = NUMBERED[told]
        self.finish = string(told) or self.finish
        self.text += text
        self.reasoning += reasoning
        # Each event may tell again what an earlier one told.
        fresh = (
            [row for row in citations(data, "".join(self.text)) if row not in self.cited] if CITING & set(data) else []
        )
        self.cited += fresh
        return Chunk(
            index=index,
            text="".join(text),
            reasoning="".join(reasoning),
            tool_calls=tuple(deltas),
            logprobs=read_logprobs(data.get("logprobsResult")),
            annotations=tuple(fresh),
        )

    def reason(self, call: Call) -> str:
        """Return the finish reason in our words. Raises `BadAnswer` where the model failed to write an answer."""
        if self.finish in BROKEN:
            raise BadAnswer(
                f"google ended the answer with {self.finish}",
                provider=PROVIDER,
                model=call.model,
                kind="schema_invalid",
            )
        if self.finish in FILTERED or self.finish.startswith("IMAGE_"):
            return "content_filter"
        if self.finish == "MAX_TOKENS":
            return "length"
        if self.finish != "STOP":
            self.warnings.append(f"google ended the answer with {self.finish or 'no reason'}")
        return "tool_calls" if self.calls.made else "stop"

    @property
    def private(self) -> dict[str, Any] | None:
        """The signatures that Google wants back on the parts that they came with."""
        calls = {made.id: made.signature for made in self.calls.made if made.signature}
        kept: dict[str, Any] = {"calls": calls} if calls else {}
        if self._signature:
            kept["text"] = self._signature
        return {PROVIDER: kept} if kept else None

    def choice(self, index: int, call: Call, logprobs: dict[str, Any] | None) -> Choice:
        """Return the whole candidate. Raises as `reason` does."""
        calls = tuple(
            ToolCall(id=made.id, function=FunctionCall(name=made.name, arguments=made.arguments))
            for made in self.calls.made
        )
        message = Message(
            role="assistant",
            content="".join(self.text) or None,
            reasoning="".join(self.reasoning) or None,
            tool_calls=calls or None,
            annotations=tuple(self.cited) or None,
            private=self.private,
        )
        reason = self.reason(call)
        return Choice(index=index, message=message, finish_reason=reason, logprobs=logprobs)


def read_answer(data: object, call: Call) -> Answer:
    """Return the answer of a whole body.

    Raises `BadAnswer` for one without any choice or with a broken one, `RequestError` where the prompt was refused.
    """
    body = table(data)
    try:
        return _whole(body, call)
    except (BadAnswer, RequestError) as error:
        error.bill = read_bill(body)
        raise


def _whole(body: Mapping[str, Any], call: Call) -> Answer:
    choices, warnings = [], []
    for place, row in enumerate(rows(body.get("candidates"))):
        candidate = AnswerCandidate(f"{call.attempt_id}:{place}")
        chunk = candidate.add(place, row)
        choices.append(candidate.choice(place, call, chunk.logprobs))
        warnings += candidate.warnings
    if not choices:
        refusal = refused_prompt(body, call.model)
        if refusal is not None:
            raise refusal
        choices = [_blocked(body, call)]
        warnings.append(block_text(body))
    return Answer(
        model=served_model(body, call),
        choices=tuple(choices),
        usage=read_usage(body.get("usageMetadata")),
        service_tier=served_tier(body.get("usageMetadata")),
        warnings=tuple(warnings),
        provider_request_id=string(body.get("responseId")) or None,
    )


def read_bill(body: Mapping[str, Any]) -> Bill | None:
    """Return what a body states of a failed answer, None where it states nothing."""
    usage = read_usage(body.get("usageMetadata"))
    if not usage.total_tokens:
        return None
    model = string(body.get("modelVersion")).removeprefix("models/") or None
    return Bill(usage=usage, model=model, service_tier=served_tier(body.get("usageMetadata")))


def _blocked(body: Mapping[str, Any], call: Call) -> Choice:
    if not block_text(body):
        raise no_choice(PROVIDER, call.model)
    return Choice(message=Message(role="assistant"), finish_reason="content_filter")


def block_text(body: Mapping[str, Any]) -> str:
    """Return why the prompt was blocked, empty where it was not: feedback that names no block is mere rating."""
    told = table(body.get("promptFeedback"))
    reason = told.get("blockReason") or told.get("blockReasonMessage")
    return f"google blocked the prompt: {string(reason) or 'no reason given'}" if reason else ""


def refused_prompt(body: Mapping[str, Any], model: str) -> ProviderError | None:
    """Return the refusal of a prompt for its content, as every provider has one: it would be refused elsewhere too.

    None where the prompt was not blocked, or for a reason that nobody names: another model may well take it.
    """
    reason = string(table(body.get("promptFeedback")).get("blockReason"))
    if reason in _UNNAMED_BLOCKS:
        return None
    error: ProviderError = RequestError(block_text(body), provider=PROVIDER, model=model, kind="content_filter")
    # What Google counted of the prompt is stated beside it; where nothing is, nobody knows.
    error.billed = None
    return error


def served_model(body: Mapping[str, Any], call: Call) -> str:
    """Return the model that the answer names; Google answers for retired models with others and bills those."""
    return string(body.get("modelVersion")).removeprefix("models/") or call.model


def served_tier(raw: object) -> str | None:
    """Return the tier of service that the usage names."""
    return string(table(raw).get("serviceTier")) or None


def read_usage(raw: object) -> Usage:
    """Return the usage; absent where the prompt is not counted.

    Google's candidates exclude thoughts, but for some models they did not; the total tells. Checked against every
    recorded answer: total = prompt + prompt of tools + candidates + thoughts.
    """
    told = table(raw)
    prompt = count(told.get("promptTokenCount"))
    if prompt is None:
        return ABSENT
    prompt += count(told.get("toolUsePromptTokenCount")) or 0
    thoughts, written = (count(told.get(name)) or 0 for name in ("thoughtsTokenCount", "candidatesTokenCount"))
    total, cached = (count(told.get(name)) or 0 for name in ("totalTokenCount", "cachedContentTokenCount"))
    fits = cached <= prompt and (total >= prompt or not total)
    if cached > prompt:
        prompt += cached
    completion = total - prompt if total >= prompt else thoughts + written
    if max(thoughts, written) > completion:
        fits, completion = False, thoughts + written
    return usage_of(prompt, completion, cached, 0, thoughts, fits=fits)


def read_logprobs(raw: object) -> dict[str, Any] | None:
    """Return the log probabilities in OpenAI's form, None where there are none."""
    chosen = rows(table(raw).get("chosenCandidates"))
    if not chosen:
        return None
    tops = rows(table(raw).get("topCandidates"))
    content = []
    for place, row in enumerate(chosen):
        others = rows(tops[place].get("candidates")) if place < len(tops) else []
        content.append({**_logprob(row), "top_logprobs": [_logprob(other) for other in others]})
    return {"content": content}


def _logprob(row: Mapping[str, Any]) -> dict[str, Any]:
    token = string(row.get("token"))
    return {"token": token, "logprob": row.get("logProbability"), "bytes": list(token.encode())}
