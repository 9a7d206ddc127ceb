"""Requests for vectors: how large they are, and which model they may mean."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.errors import UsageError
from shunpike.routing.names import Wanted, short_name, wanted_models
from shunpike.routing.plan import Targets
from shunpike.tokens import ESTIMATE
from shunpike.types import EmbedRequest, ModelInfo

PER_TEXT = 2
"""Tokens around one text."""


def longest_text(request: EmbedRequest) -> int:
    """Return the estimated tokens of the longest text: each has the context for itself."""
    return max(ESTIMATE.count(text) for text in request.input)


def text_tokens(request: EmbedRequest) -> int:
    """Return the estimated tokens of all texts."""
    return sum(ESTIMATE.count(text) + PER_TEXT for text in request.input)


def text_bound(request: EmbedRequest) -> int:
    """Return a number of tokens that no tokenizer exceeds: the bytes of all texts."""
    return sum(len(text.encode("utf-8", "replace")) + PER_TEXT for text in request.input)


def check_model(asked: str, names: Sequence[str], targets: Targets) -> None:
    """Raise `UsageError` unless ``asked`` means one embedding model, at however many providers.

    ``names`` are what it stands for. Vectors of different models can't be compared, so nobody may choose between
    models, and no other takes over.
    """
    wanted = [wanted_models(name, targets.targets, targets.catalog, targets.names) for name in names]
    if not all(one.explicit for one in wanted):
        raise UsageError(
            f'"{asked}" names no model: vectors of different models can\'t be compared, so one must be chosen',
            hint=_choices(targets),
        )
    meant = [model for model in targets.catalog if any(_is_meant(model, one) for one in wanted)]
    embedding = [model for model in meant if model.kind == "embedding"]
    if not embedding:
        raise UsageError(f'"{asked}" is a chat model and makes no embeddings', hint=_choices(targets))
    if len({short_name(model.id) for model in embedding}) > 1:
        found = ", ".join(sorted({f"{model.provider}/{model.id}" for model in embedding}))
        raise UsageError(f'"{asked}" may be one of {found}, whose vectors can\'t be compared', hint="name one of them")


def _is_meant(model: ModelInfo, wanted: Wanted) -> bool:
    return (model.provider, model.id) in wanted.ids


def _choices(targets: Targets) -> str:
    known = dict.fromkeys(
        f"{model.provider}/{model.id}"
        for model in targets.catalog
        if model.kind == "embedding" and model.status != "retired"
    )
    return f"embedding models: {', '.join(list(known)[:6])}" if known else "no installed provider has one that does"
