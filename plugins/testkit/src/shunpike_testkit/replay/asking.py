"""Asks a backend for what an endpoint gives, and keeps what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shunpike.assembly import Assembly
from shunpike.errors import ProviderError
from shunpike.protocols import Backend, CountsTokens, Embeds, ListsModels, Streams
from shunpike.types import Answer, Call, EmbedAnswer, EmbedCall, Evidence
from shunpike_testkit.replay.recording import Recording

CHAT = frozenset({"chat.completions", "generateContent", "streamGenerateContent", "openai.chat.completions"})
EMBEDDINGS = frozenset({"embeddings", "batchEmbedContents"})
SILENT = {
    "responses": "the Responses API is not spoken",
    "responses.get": "the Responses API is not spoken",
    "responses.input_tokens": "the Responses API is not spoken",
    "completions": "the legacy text completions are not spoken",
    "interactions": "the Interactions API is not spoken",
    "cachedContents": "explicit caches are not spoken",
    "embedContent": "texts are embedded with batchEmbedContents, one as well as many",
}
"""Endpoints that no plugin speaks, with the reason."""


@dataclass(slots=True)
class Reading:
    """What came of one call. ``raised`` is set when anything but a `ProviderError` came out of the plugin."""

    answer: Answer | None = None
    embedded: EmbedAnswer | None = None
    tokens: int | None = None
    models: list[str] | None = None
    error: ProviderError | None = None
    raised: str | None = None
    finish: str | None = None
    """What a stream that failed had told as its finish reason."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was learnt about limits."""
        source = self.error or self.answer or self.embedded
        return source.evidence if source is not None else ()

    @property
    def plain(self) -> dict[str, Any]:
        """The reading as plain values, without what is different each time."""
        error = self.error
        moments = None if error is None else (getattr(error, "retry_at", None), getattr(error, "reset_at", None))
        return {
            "answer": self.answer and self.answer.model_dump(exclude={"headers_at"}),
            "embedded": self.embedded and self.embedded.model_dump(exclude={"headers_at"}),
            "error": error and (type(error).__name__, error.kind, error.status, error.message, error.billed),
            "moments": moments,
            "evidence": [row.model_dump() for row in self.evidence],
            "rest": [self.tokens, self.models, self.raised, self.finish],
        }


def silence(recording: Recording, backend: Backend) -> str | None:
    """Return why the endpoint is not spoken, None where it is."""
    endpoint = recording.endpoint
    able = {"models": ListsModels, "countTokens": CountsTokens}.get(endpoint)
    if endpoint in EMBEDDINGS:
        able = Embeds
    if endpoint in CHAT or (able is not None and isinstance(backend, able)):
        return None
    return SILENT.get(endpoint, f"the plugin does not speak {endpoint}")


async def ask(recording: Recording, call: Call | EmbedCall, backend: Backend) -> Reading:
    """Return what ``backend`` makes of the answer to ``call``. Raises nothing: what a plugin raises is the result."""
    reading = Reading()
    try:
        if isinstance(call, EmbedCall):
            if isinstance(backend, Embeds):
                reading.embedded = await backend.embed(call)
        elif recording.endpoint == "models" and isinstance(backend, ListsModels):
            reading.models = list(await backend.list_models())
        elif recording.endpoint == "countTokens" and isinstance(backend, CountsTokens):
            reading.tokens = await backend.count_tokens(call)
        elif recording.streamed and isinstance(backend, Streams):
            await _stream(reading, call, backend, recording.provider)
        else:
            reading.answer = await backend.complete(call)
    except ProviderError as error:
        reading.error = error
    except Exception as error:  # noqa: BLE001 - whatever else a plugin raises is what a replay is to find
        reading.raised = f"{type(error).__name__}: {error}"
    return reading


async def _stream(reading: Reading, call: Call, backend: Streams, provider: str) -> None:
    assembly = Assembly(provider=provider, model=call.model)
    try:
        async with backend.stream(call) as chunks:
            async for chunk in chunks:
                assembly.add(chunk)
                reading.finish = reading.finish or chunk.finish_reason
        reading.answer = assembly.answer()
    except ProviderError:
        if assembly.has_content or assembly.usage.total_tokens:
            reading.answer = _so_far(assembly)
        raise


def _so_far(assembly: Assembly) -> Answer | None:
    try:
        return assembly.answer()
    except ProviderError:
        return None
