"""Together has its own form of log probabilities: a number asks for them, and parallel lists answer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from typing_extensions import override

from shunpike.types import Answer, Call, Chunk
from shunpike.wire.chunks import StreamProgress
from shunpike.wire.embeddings import EmbeddingBackend
from shunpike.wire.lenient import rows, string


class TogetherBackend(EmbeddingBackend):
    """Asks for log probabilities as Together wants it, and answers them as OpenAI does."""

    @override
    def body(self, call: Call) -> dict[str, Any]:
        """Ask for log probabilities with a number: of the chosen tokens, or of so many at each place."""
        body = super().body(call)
        wanted, most = body.pop("logprobs", None), body.pop("top_logprobs", None)
        if wanted:
            body["logprobs"] = most if type(most) is int and most > 0 else 1
        return body

    @override
    def answer(self, call: Call, data: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        """Put the log probabilities into the common form."""
        return super().answer(call, _common(data), headers)

    @override
    def chunks(self, raw_chunk: dict[str, Any], seen: StreamProgress) -> list[Chunk]:
        """Put the log probabilities of a chunk into the common form."""
        return super().chunks(_common(raw_chunk), seen)


def _common(data: dict[str, Any]) -> dict[str, Any]:
    choices = rows(data.get("choices"))
    if not any(_is_own(row.get("logprobs")) for row in choices):
        return data
    return {**data, "choices": [{**row, "logprobs": _logprobs(row.get("logprobs"))} for row in choices]}


def _is_own(told: Any) -> bool:
    return isinstance(told, Mapping) and isinstance(told.get("tokens"), list)


def _logprobs(told: Any) -> Any:
    if not _is_own(told):
        return told
    lists = [told.get(name) if isinstance(told.get(name), list) else [] for name in ("token_logprobs", "top_logprobs")]
    found = []
    for token, number, others in zip_longest(told["tokens"], *lists):
        if token is not None:
            best = others if isinstance(others, Mapping) else {}
            found.append({**_row(token, number), "top_logprobs": [_row(*pair) for pair in best.items()]})
    return {"content": found}


def _row(token: Any, number: Any) -> dict[str, Any]:
    text = string(token)
    return {"token": text, "logprob": number, "bytes": list(text.encode())}
