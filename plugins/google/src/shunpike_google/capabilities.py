"""What Gemini does beside answering: embed, count tokens, tell of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.errors import NotHere, Overloaded
from shunpike.types import ABSENT, EmbedAnswer, EmbedCall, LiveModel, Usage
from shunpike.wire.embeddings import read_vector
from shunpike.wire.lenient import count, rows, string, table
from shunpike_google.contents import PROVIDER, Json

MOST_TEXTS = 100
"""Texts in one batch."""
EMBEDS = frozenset({"embedContent", "embedText"})


def embed_body(call: EmbedCall) -> Json:
    """Return the body of ``batchEmbedContents``. Raises `NotHere` (too_large) for more texts than one batch takes."""
    texts, model = call.request.input, f"models/{call.model.removeprefix('models/')}"
    if len(texts) > MOST_TEXTS:
        raise NotHere(
            f"google embeds {MOST_TEXTS} texts at once, not {len(texts)}",
            provider=PROVIDER,
            model=call.model,
            kind="too_large",
            hint=f"embed them in parts of at most {MOST_TEXTS}",
        )
    wanted = {} if call.request.dimensions is None else {"outputDimensionality": call.request.dimensions}
    return {"requests": [{"model": model, "content": {"parts": [{"text": text}]}, **wanted} for text in texts]}


def read_embeddings(data: Mapping[str, Any], call: EmbedCall) -> EmbedAnswer:
    """Return the vectors, which come in the order of the texts. Raises `Overloaded` (malformed)."""
    found = rows(data.get("embeddings"))
    if len(found) != len(call.request.input):
        message = f"{PROVIDER}: {len(found)} vectors for {len(call.request.input)} texts"
        raise Overloaded(message, provider=PROVIDER, kind="malformed")
    told = count(table(data.get("usageMetadata")).get("promptTokenCount"))
    return EmbedAnswer(
        model=call.model,
        vectors=tuple(read_vector(row.get("values"), PROVIDER) for row in found),
        usage=ABSENT if told is None else Usage(prompt_tokens=told),
    )


def count_body(body: Json, model: str) -> Json:
    """Return the body of ``countTokens`` for the body of an answer: instructions and tools are counted with it."""
    return {"generateContentRequest": {"model": f"models/{model.removeprefix('models/')}", **body}}


def read_count(data: Mapping[str, Any]) -> int:
    """Return the number of tokens. Raises `Overloaded` (malformed) where none is told."""
    told = count(data.get("totalTokens"))
    if told is None:
        raise Overloaded(f"{PROVIDER}: the answer tells no number of tokens", provider=PROVIDER, kind="malformed")
    return told


def live_model(row: Mapping[str, Any]) -> LiveModel:
    """Return what one row of the list tells; the list knows neither prices nor free tiers."""
    methods = row.get("supportedGenerationMethods")
    known = {word for word in methods if isinstance(word, str)} if isinstance(methods, list) else None
    kind = None if known is None else "embedding" if known & EMBEDS else "other"
    return LiveModel(
        id=string(row.get("name")).removeprefix("models/"),
        kind="chat" if known and "generateContent" in known else kind,
        context=count(row.get("inputTokenLimit")) or None,
        max_output=count(row.get("outputTokenLimit")) or None,
    )
