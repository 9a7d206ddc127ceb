"""A provider plugin whose vectors are scripted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import anyio
from typing_extensions import override

from shunpike.types import EmbedAnswer, EmbedCall, ModelInfo, PriceRow, Usage
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

Step = EmbedAnswer | Exception


def vectors(*rows: Sequence[float], model: str = "embed-1", tokens: int | None = 3, **more: object) -> EmbedAnswer:
    usage = {} if tokens is None else {"usage": Usage(prompt_tokens=tokens)}
    found = tuple(tuple(map(float, row)) for row in rows or [(1.0, 2.0)])
    return EmbedAnswer.model_validate({"model": model, "vectors": found, **usage, **more})


class EmbeddingBackend(ScriptedBackend):
    """Plays one step a call, the last one for ever."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__([answer()])
        self.steps = list(steps) or [vectors()]
        self.embeds: list[EmbedCall] = []

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        await anyio.lowlevel.checkpoint()
        self.embeds.append(call)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step


class EmbeddingProvider(ScriptedProvider):
    """A provider with the models that are named, all for embeddings, and a chat model ``m``."""

    def __init__(self, name: str, *steps: Step, ids: Sequence[str] = ("embed-1",), **options: object) -> None:
        super().__init__(name, **options)  # type: ignore[arg-type]  # passed on as they are
        self.models = (self.model("m"), *(self.embedding(one) for one in ids))
        self.backend: EmbeddingBackend = EmbeddingBackend(steps)

    def embedding(self, model_id: str) -> ModelInfo:
        return ModelInfo(
            provider=self.name,
            id=model_id,
            kind="embedding",
            context=40,
            prices=(PriceRow(prompt="1", completion="0"),),
            limits={"only": self.limits},
            as_of=date(2026, 11, 22),
            source="scripted",
        )

    @override
    def model(self, model_id: str) -> ModelInfo:
        return super().model(model_id)
