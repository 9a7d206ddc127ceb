"""Reads a streamed answer. No event says that it is the last one, so the end of the bytes is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shunpike.errors import BadAnswer, Overloaded, ProviderError
from shunpike.types import ABSENT, Bill, Call, Chunk, Usage
from shunpike.types.finish import no_choice
from shunpike.wire.lenient import count, decode, encode, rows, string
from shunpike.wire.sse import ServerSentEvent
from shunpike_google.answer import (
    AnswerCandidate,
    block_text,
    read_bill,
    read_usage,
    refused_prompt,
    served_model,
    served_tier,
)
from shunpike_google.contents import PROVIDER

Failure = Callable[[int, Mapping[str, str], bytes], ProviderError]


class GoogleReader:
    """Makes chunks of events. Usage is a running snapshot: the last one counts, and comes with the last chunk.

    It may be less than one before, which is no contradiction: of an answer with tools that Google runs, each phase
    begins anew, and the last snapshot is of the whole. The first counts the prompt by a guess.
    """

    def __init__(self, call: Call, failure: Failure) -> None:
        self.provider = PROVIDER
        self.model = call.model
        self.failed: ProviderError | None = None
        self.done = False
        self.warnings: tuple[str, ...] = ()
        self._call = call
        self._failure = failure
        self._candidates: dict[int, AnswerCandidate] = {}
        self._usage: object = None
        self._counted = True
        """Whether all that came was counted in a snapshot that came with it or later."""
        self._served = call.model
        self._blocked = ""
        self._refusal: ProviderError | None = None
        self._id: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every candidate that began has told its end, or the prompt was blocked.

        Newer models give one candidate, however many were asked for, and nothing else marks the end.
        """
        ended = bool(self._candidates) and all(candidate.finish for candidate in self._candidates.values())
        return ended or bool(self._blocked)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return what a status other than success means."""
        return self._failure(status, headers, body)

    def opening(self, headers: Mapping[str, str], headers_at: float) -> Chunk:  # noqa: ARG002
        """Return when the headers came and what of the request got lost: Google's headers tell of no limits."""
        return Chunk(headers_at=headers_at, warnings=self.warnings)

    def whole(self, headers: Mapping[str, str], body: bytes) -> Sequence[Chunk]:  # noqa: ARG002
        """Return the chunks of a body of JSON: one answer, or a list of what would have been events."""
        try:
            data = decode(body)
        except ValueError as error:
            raise self._malformed("the answer is not JSON") from error
        if not isinstance(data, list | Mapping):
            raise self._malformed("the answer is not a JSON object")
        found: list[Chunk] = []
        for row in rows(data if isinstance(data, list) else [data]):
            found += self._read(row)
            if self.failed is not None:
                raise self.failed
        self.done = True
        return [*found, *self.ends()]

    def chunks(self, event: ServerSentEvent) -> Sequence[Chunk]:
        """Return the chunks of one event. Raises `Overloaded` (malformed)."""
        if not event.data.strip():
            return ()
        try:
            data = decode(event.data)
        except ValueError as error:
            raise self._malformed("an event is not JSON") from error
        data = data[0] if isinstance(data, list) and len(data) == 1 else data
        if not isinstance(data, Mapping):
            raise self._malformed("an event is not a JSON object")
        return self._read(data)

    def ends(self) -> Sequence[Chunk]:
        """Return a finish reason for each candidate, the last with all that is said of the whole.

        Raises `BadAnswer`, and `RequestError` where the prompt was refused.
        The reasons wait until here, because a call in a later event turns STOP into ``tool_calls``.
        """
        if not self._candidates and self._refusal is not None:
            raise self._billed(self._refusal)
        if not self._candidates and not self._blocked:
            raise self._billed(no_choice(PROVIDER, self.model))
        warnings = [self._blocked] if self._blocked else []
        found = []
        for index, candidate in self._candidates.items():
            try:
                reason = candidate.reason(self._call)
            except BadAnswer as broken:
                raise self._billed(broken) from None
            found.append(Chunk(index=index, finish_reason=reason, private=candidate.private))
            warnings += candidate.warnings
        last = found.pop() if found else Chunk(finish_reason="content_filter")
        told: dict[str, Any] = {
            "model": self._served,
            "usage": self._final(),
            "service_tier": served_tier(self._usage),
            "warnings": tuple(warnings),
            "provider_request_id": self._id,
        }
        return [*found, last.model_copy(update=told)]

    def _read(self, data: Mapping[str, Any]) -> list[Chunk]:
        if data.get("error") and self.failed is None:
            self.failed = self._failure(200, {}, encode({"error": data["error"]}))
        if self.failed is not None:
            self.failed.bill = read_bill(data) or self.failed.bill
        if "usageMetadata" in data:
            self._usage = data["usageMetadata"]
        if data.get("modelVersion"):
            self._served = served_model(data, self._call)
        self._id = string(data.get("responseId")) or self._id
        self._blocked = block_text(data) or self._blocked
        self._refusal = refused_prompt(data, self.model) or self._refusal
        found = []
        told = data.get("candidates")
        for place, row in enumerate(rows(told)):
            number = count(row.get("index"))
            index = place if number is None else number
            if index not in self._candidates:
                self._candidates[index] = AnswerCandidate(f"{self._call.attempt_id}:{index}")
            chunk = self._candidates[index].add(index, row)
            if chunk.has_content or chunk.logprobs or chunk.annotations:
                found.append(chunk)
        said = any(chunk.has_content for chunk in found) or any(row.get("finishReason") for row in rows(told))
        self._counted = "usageMetadata" in data or (self._counted and not said)
        return found

    def _final(self) -> Usage:
        """Return the usage, absent where content or the end came after the last snapshot: that is a running figure."""
        return read_usage(self._usage) if self._counted else ABSENT

    def _billed(self, error: ProviderError) -> ProviderError:
        usage = self._final()
        if usage.total_tokens:
            error.bill = Bill(usage=usage, model=self._served or None, service_tier=served_tier(self._usage))
        return error

    def _malformed(self, message: str) -> Overloaded:
        return Overloaded(f"{PROVIDER}: {message}", provider=PROVIDER, model=self.model, kind="malformed")
