"""What a model name means: any model, one provider's, or the same model wherever it is offered."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import lru_cache

from shunpike.errors import UnknownModel
from shunpike.protocols import Target
from shunpike.types import ModelInfo
from shunpike.types.base import ANY, Record


class Wanted(Record):
    """The models that a name stands for. ``explicit`` is False for any model."""

    provider: str | None = None
    ids: frozenset[tuple[str, str]] = frozenset()
    """Pairs of (provider id, model id)."""
    explicit: bool = True

    def matches(self, target: Target) -> bool:
        """Whether ``target`` is one of them."""
        if self.provider is not None and target.name != self.provider:
            return False
        return not self.explicit or (target.provider.id, target.model.id) in self.ids


def wanted_models(
    name: str, targets: Sequence[Target], catalog: Sequence[ModelInfo], providers: Sequence[str]
) -> Wanted:
    """Return what ``name`` stands for.

    ``auto`` is any model, ``groq/auto`` any of that provider, ``groq/ID`` one model there, and a plain ``ID`` (an id,
    an alias, the last part of an id, or a family) that model at every provider that has it, whatever it is called
    there. Raises `UnknownModel`.
    """
    if name == ANY:
        return Wanted.model_construct(explicit=False)
    provider, _, rest = name.partition("/")
    if provider in providers and rest == ANY:
        return Wanted.model_construct(provider=provider, explicit=False)
    if provider in providers and rest:
        own = {target.provider.id for target in targets if target.name == provider} or {provider}
        there = [model for model in _called(rest, catalog) if model.provider in own]
        if there:
            return Wanted.model_construct(provider=provider, ids=_living(name, there))
    found = _called(name, catalog)
    if not found:
        raise _unknown(name, catalog, providers)
    return Wanted.model_construct(ids=_living(name, _with_families(found, catalog)))


def is_offered(name: str, targets: Sequence[Target], catalog: Sequence[ModelInfo], providers: Sequence[str]) -> bool:
    """Whether any of ``targets`` is called ``name``: see `wanted_models`.

    True also for what can't be a model's name, such as a provider's: what is wrong with it is to be told.
    """
    provider, _, rest = name.partition("/")
    if name in providers or ANY in (name, rest):
        return True
    if not any(_called(one, catalog) for one in ((rest, name) if provider in providers else (name,))):
        return False
    try:
        wanted = wanted_models(name, targets, catalog, providers)
    except UnknownModel:
        return False
    return any(wanted.matches(one) for one in targets)


def _called(name: str, catalog: Sequence[ModelInfo]) -> list[ModelInfo]:
    name = name.casefold()
    return [model for model in catalog if name in _names_of(model.id, model.aliases, model.family)]


@lru_cache(4096)
def _names_of(model_id: str, aliases: tuple[str, ...], family: str | None) -> frozenset[str]:
    """Return every name of a model: its id, its aliases and its family, and the last part of each."""
    every = (model_id, *aliases) if family is None else (model_id, *aliases, family)
    return frozenset(name for one in every for name in (one.casefold(), short_name(one)))


def _with_families(found: Sequence[ModelInfo], catalog: Sequence[ModelInfo]) -> Sequence[ModelInfo]:
    """Return ``found``, and what others call the same models."""
    families = {short_name(model.family) for model in found if model.family is not None}
    if not families:
        return found
    known = {(model.provider, model.id) for model in found}
    return [
        *found,
        *(
            model
            for model in catalog
            if (model.provider, model.id) not in known
            and model.family is not None
            and short_name(model.family) in families
        ),
    ]


def short_name(model_id: str) -> str:
    """The last part of an id without a variant: ``openai/gpt-oss-120b:free`` → ``gpt-oss-120b``."""
    return model_id.rsplit("/", 1)[-1].split(":", 1)[0].casefold()


def _living(name: str, found: Sequence[ModelInfo]) -> frozenset[tuple[str, str]]:
    living = frozenset((model.provider, model.id) for model in found if model.status != "retired")
    if living:
        return living
    gone = found[0]
    day = f" on {gone.retired_on}" if gone.retired_on else ""
    raise UnknownModel(
        f'the model "{name}" was retired{day} by {gone.provider}',
        hint=f"use its successor: -m {gone.provider}/{gone.successor}" if gone.successor else "see: shunpike models",
        successor=gone.successor,
    )


def _unknown(name: str, catalog: Sequence[ModelInfo], providers: Sequence[str]) -> UnknownModel:
    by_name = {short: model.id for model in catalog for short in (short_name(model.id), model.id.casefold())}
    near = difflib.get_close_matches(name.casefold(), list(by_name), n=1, cutoff=0.6)
    if name in providers:
        return UnknownModel(
            f'"{name}" is a provider, not a model', hint=f"any model of it: -m {name}/auto   ·   or: -p {name}"
        )
    suggestion = f'. Did you mean "{by_name[near[0]]}"?' if near else ""
    return UnknownModel(f'no installed provider has a model called "{name}"{suggestion}', hint="see: shunpike models")
