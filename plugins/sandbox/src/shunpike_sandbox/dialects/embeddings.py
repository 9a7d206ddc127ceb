"""Embeddings: unit vectors made from hashes of words, so that texts that share words lie close."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.asks import ParsedRequest, Turn
from shunpike_sandbox.bodies import Field, check
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.rules import EMBEDDING_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.replies import WholeReply, dump
from shunpike_sandbox.service import Reply, Service
from shunpike_sandbox.tokens import count, pieces
from shunpike_sandbox.visits import Visit


def vector(text: str, dimensions: int) -> list[float]:
    """Return a unit vector for a text."""
    values = [0.0] * dimensions
    for piece in pieces(text.lower()) or [""]:
        digest = hashlib.sha256(piece.strip().encode("utf-8", "surrogatepass")).digest()
        for start in range(0, 32, 4):
            place = int.from_bytes(digest[start : start + 4], "big")
            values[place % dimensions] += 1.0 if place & 0x80000000 else -1.0
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [round(value / length, 7) for value in values]


class EmbeddingService(Service):
    """A provider that embeds in OpenAI's shape."""

    embedding_rules: Mapping[str, Field] = EMBEDDING_RULES
    refuses_unknown = False

    def embed(self, visit: Visit, body: Mapping[str, Any]) -> Reply:
        """Answer an embedding request."""
        check(body, self.embedding_rules, unknown=self.refuses_unknown)
        model = self.model(body, visit, "embedding")
        inputs = _inputs(body.get("input"))
        longest, total = max(tokens for _, tokens in inputs), sum(tokens for _, tokens in inputs)
        if longest > model.context:
            raise self.overflow(longest, 0, model)
        self.bound_embedding(body, model, total)
        prepare(self, visit, model, total)
        size = body.get("dimensions") or model.dimensions
        rows = []
        for number, (text, _) in enumerate(inputs):
            values: Any = vector(text, size)
            if body.get("encoding_format") == "base64":
                values = base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
            rows.append({"object": "embedding", "index": number, "embedding": values})
        answer = self.embedded(visit, rows, total)
        fault = self.world.fault(self.provider_id, streaming=False)
        self.trouble(fault, visit)
        return WholeReply(self.world, visit, self.headers(visit), fault, dump(answer))

    def bound_embedding(self, body: Mapping[str, Any], model: Model, total: int) -> None:
        """Refuse what is too much for one request."""

    def embedded(self, visit: Visit, rows: list[dict[str, Any]], total: int) -> dict[str, Any]:
        """Return the answer to an embedding request as data."""
        usage = {"prompt_tokens": total, "total_tokens": total}
        return {"object": "list", "data": rows, "model": self.model_name(visit), "usage": usage}

    @abstractmethod
    def model(self, body: Mapping[str, Any], visit: Visit, kind: str) -> Model:
        """Return the model of this kind that the body names, if it can be used."""

    @abstractmethod
    def model_name(self, visit: Visit) -> str:
        """Return the name of the model that answered."""


def prepare(service: Service, visit: Visit, model: Model, total: int) -> None:
    """Take an embedding's tokens from purse and limits, and note what it will cost."""
    visit.model = model
    if visit.account is not None:
        service.afford(visit.account, model, total, 0)
    ask = ParsedRequest(turns=(Turn("user", ""),))
    visit.lease = service.take(visit, model, service.needs(total, ask))
    visit.generation = Generation(total, 0, (GeneratedChoice(""),))


def _inputs(value: Any) -> list[tuple[str, int]]:
    """Return every input with its tokens: one text or several, one list of token numbers or several."""
    values = value if isinstance(value, list) and value and not _tokens(value) else [value]
    if all(isinstance(one, str) and one for one in values):
        return [(one, count(one)) for one in values]
    if all(map(_tokens, values)):
        return [(" ".join(map(str, one)), len(one)) for one in values]
    raise Problem("value", "input", "'$.input' is invalid. Please check the API reference.", "text", "nothing")


def _tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(one) is int for one in value)
