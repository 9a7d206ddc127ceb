"""OpenAI itself: its API is the common language, but models that reason refuse to be sampled otherwise."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from shunpike.catalog.schema import CatalogPlace
from shunpike.errors import NotHere
from shunpike.types import Call, ProviderSettings
from shunpike.types.base import Record, told
from shunpike.wire.compatible import OpenAICompatible, require_key
from shunpike.wire.embeddings import EmbeddingBackend

REFUSED = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "stop")
"""Parameters that a model refuses while it reasons."""


class Reasoning(Record):
    """The table ``[reasoning]``: prefixes of the ids of models that reason."""

    by_default: tuple[str, ...] = ()
    """Reason unless told not to."""
    on_request: tuple[str, ...] = ()
    """Reason when told to."""

    def active(self, call: Call, effort: str | None) -> bool:
        """Whether the model reasons in this call, which asks it for ``effort``."""
        if effort is None:
            return call.model.startswith(self.by_default) and not call.model.startswith(self.on_request)
        return effort != "none" and call.model.startswith(self.by_default + self.on_request)


class OpenAIBackend(EmbeddingBackend):
    """Leaves out, with a warning, what a reasoning model would refuse the whole request for."""

    encoding = "base64"
    reasoning = Reasoning()

    @override
    def body(self, call: Call) -> dict[str, Any]:
        """Leave out what a reasoning model refuses."""
        body = super().body(call)
        for name in self._refused(call):
            body.pop(name, None)
        return body

    @override
    def warnings(self, call: Call, *, streamed: bool) -> tuple[str, ...]:
        """Name what was left out, and let a strict call fail where something was."""
        found = super().warnings(call, streamed=streamed)
        lost = tuple(
            f"{call.model} reasons and does not take {name!r}: it was left out" for name in self._refused(call)
        )
        if lost and call.strict:
            raise NotHere("; ".join(lost), provider=self.info.id, model=call.model, kind="unsupported")
        return (*found, *lost)

    def _refused(self, call: Call) -> list[str]:
        wanted = call.request.reasoning_effort
        if not self.reasoning.active(call, wanted and self.dialect.effort(call.model, wanted)):
            return []
        asked = told(call.request)
        given = {name: asked.get(name) for name in REFUSED}
        # A temperature of 1 is what it has anyway.
        return [name for name, value in given.items() if value is not None and (name, value) != ("temperature", 1)]


class OpenAI(OpenAICompatible):
    """The plugin; its backends know which models reason."""

    @override
    def backend(self, settings: ProviderSettings) -> OpenAIBackend:
        require_key(self.info, settings)
        backend = OpenAIBackend(self.info, settings, self.dialect)
        backend.reasoning = CatalogPlace("shunpike_openai/provider.toml", "reasoning").read(
            Reasoning, self.extra.get("reasoning", {})
        )
        return backend
