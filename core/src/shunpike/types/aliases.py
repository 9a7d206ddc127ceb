"""Names of the operator's own for models, and which request gets which: ``[models.NAME]`` and ``[[routing.rule]]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from shunpike.types.base import ANY, Record
from shunpike.types.written import Written

NO_UNIT: JsonDict = {"unit": "-"}
MOST_NAMES = 500
"""Names that an alias may stand for, those of the aliases in it counted."""
MOST_FLOORS = 50
"""Aliases that an alias may be made of one within the other."""
_TOKENS: JsonDict = {"unit": "tokens"}
_OWN: JsonDict = {"unit": "the strategy's own"}


def circle_in(aliases: Mapping[str, ModelAlias]) -> tuple[str, ...] | None:
    """Return a way on which an alias stands for itself, such as ``("a", "b", "a")``; None where none does."""
    layers = _layers(aliases)
    left = aliases.keys() - {name for layer in layers for name in layer}
    if not left:
        return None
    # Each that is left names another that is left: whoever follows them comes back to where he was.
    name, way = next(name for name in aliases if name in left), list[str]()
    while name not in way:
        way.append(name)
        name = next(one.model for one in aliases[name].targets if one.model in left)
    return (*way[way.index(name) :], name)


def deeper_than(most: int, aliases: Mapping[str, ModelAlias]) -> str | None:
    """Return an alias that is made of aliases of aliases on more than ``most`` floors; None where none is."""
    return next((layer[0] for layer in _layers(aliases)[most:]), None)


def _layers(aliases: Mapping[str, ModelAlias]) -> list[list[str]]:
    """Return the aliases floor by floor, each above all that it names; those that stand for themselves are on none."""
    inner = {name: {one.model for one in alias.targets} & aliases.keys() for name, alias in aliases.items()}
    named_by: dict[str, list[str]] = {}
    for name, those in inner.items():
        for one in those:
            named_by.setdefault(one, []).append(name)
    layers, layer = list[list[str]](), [name for name, those in inner.items() if not those]
    while layer:
        layers.append(layer)
        ready = []
        for one in layer:
            for name in named_by.get(one, ()):
                inner[name].discard(one)
                if not inner[name]:
                    ready.append(name)
        layer = ready
    return layers


def larger_than(most: int, aliases: Mapping[str, ModelAlias]) -> str | None:
    """Return an alias that stands for more than ``most`` names, all in it counted; None where none does."""
    sizes: dict[str, int] = {}
    for name in (one for layer in _layers(aliases) for one in layer):
        sizes[name] = sum(sizes.get(one.model, 1) for one in aliases[name].targets)
        if sizes[name] > most:
            return name
    return None


MAP = "map"
"""The name in ``[models]`` that is no alias: the table of patterns for what nobody has."""


def with_model_map(values: Any) -> Any:
    """Return the fields of settings with the table ``[models.map]`` where they have its field. Raises `ValueError`."""
    models = values.get("models") if isinstance(values, Mapping) else None
    if not isinstance(models, Mapping) or MAP not in models:
        return values
    patterns = models[MAP]
    if not isinstance(patterns, Mapping) or not all(isinstance(one, str) for one in patterns.values()):
        raise ValueError('models.map should be a table of patterns, such as "*haiku*" = "auto": no alias is called so')
    if "model_map" in values:
        raise ValueError("models.map and model_map are one table: give one of them")
    rest = {name: alias for name, alias in models.items() if name != MAP}
    return {**values, "models": rest, "model_map": patterns}


class AliasTarget(Record):
    """An entry of an alias: anything that a model may be called, and its share of the requests."""

    model: str = Field(min_length=1)
    weight: float | None = Field(default=None, gt=0, le=1e6)
    """Neighbours with weights share the requests by them; None = it is asked after what stands before it."""

    @property
    def text(self) -> str:
        """It as a person reads it."""
        return self.model if self.weight is None else f"{self.model} (weight {self.weight:g})"


class ModelAlias(Written, Record):
    """A name of the operator's own, which may stand wherever a model is named."""

    model_config = ConfigDict(hide_input_in_errors=True)

    targets: tuple[AliasTarget, ...] = Field(
        default=(AliasTarget(model=ANY),),
        min_length=1,
        examples=[["acme/m-large", "auto"]],
        json_schema_extra={"unit": "names of models"},
    )
    """What it stands for, the first choice first: any names of models, or tables such as
    ``{ model = "acme/m-large", weight = 2 }``; neighbours with weights share the requests by them."""
    strategy: str | None = Field(default=None, examples=["priority"], json_schema_extra=NO_UNIT)
    """Where it is set, this strategy puts all of them in order, instead of the place in the list."""
    strategy_options: dict[str, Any] = Field(default_factory=dict, examples=[{"weight": 2}], json_schema_extra=_OWN)
    """What the strategy is told here, instead of the ``strategy_options`` for all."""

    @field_validator("targets", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError('should be a list of models, such as ["auto"]')  # noqa: TRY004 - pydantic wants this
        return [{"model": one} if isinstance(one, str) else one for one in value]

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        names = [one.model for one in self.targets]
        if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
            raise ValueError(f"targets name {twice!r} twice")
        if self.strategy is not None and any(one.weight is not None for one in self.targets):
            raise ValueError("a strategy puts all targets in order, so that they can't have a weight")
        return self


class RoutingRule(Record):
    """Which requests it is for, and what they are given. What is not set fits every request."""

    model: str | None = Field(default=None, examples=["m-*"], json_schema_extra=NO_UNIT)
    """The model as it was asked for; ``*`` and ``?`` stand for any characters."""
    client: str | None = Field(default=None, examples=["team-*"], json_schema_extra=NO_UNIT)
    """Who asks, by the name of the client key; ``*`` and ``?`` stand for any characters."""
    tag: str | None = Field(default=None, examples=["docs"], json_schema_extra=NO_UNIT)
    """The tag of the request; ``*`` and ``?`` stand for any characters."""
    min_input_tokens: int | None = Field(default=None, ge=0, examples=[8000], json_schema_extra=_TOKENS)
    """Only where the prompt takes about so many tokens or more."""
    max_input_tokens: int | None = Field(default=None, ge=0, examples=[500], json_schema_extra=_TOKENS)
    """Only where the prompt takes about so many tokens or fewer."""
    tools: bool | None = Field(default=None, examples=[True], json_schema_extra=NO_UNIT)
    """Only where the request brings tools, or only where it brings none."""
    use: str | None = Field(default=None, min_length=1, examples=["acme/m-large"], json_schema_extra=NO_UNIT)
    """What is asked instead: anything that a model may be called, an alias among them."""
    strategy: str | None = Field(default=None, examples=["priority"], json_schema_extra=NO_UNIT)
    """The strategy that puts the candidates in order."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.use is None and self.strategy is None:
            raise ValueError("a rule needs what to use, or a strategy")
        least, most = self.min_input_tokens, self.max_input_tokens
        if least is not None and most is not None and least > most:
            raise ValueError(f"min_input_tokens {least} is more than max_input_tokens {most}: it fits no request")
        return self

    @property
    def text(self) -> str:
        """It as a person reads it."""
        fields = [name for name in type(self).model_fields if name not in ("use", "strategy")]
        named = [(name, getattr(self, name)) for name in fields if getattr(self, name) is not None]
        given = [f"{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in named]
        then = [*filter(None, (self.use, self.strategy and f"strategy {self.strategy}"))]
        return f"{' and '.join(given) or 'any request'} -> {' by '.join(then)}"


class RoutingSettings(Record):
    """Which requests are given which model or strategy."""

    rule: tuple[RoutingRule, ...] = Field(
        default=(),
        examples=[[{"tag": "docs", "use": "acme/m-large"}]],
        json_schema_extra={"unit": "see Rules"},
    )
    """Rules, of which the first that fits a request holds: it says what is asked instead, or which strategy puts the
    candidates in order."""


def checked_aliases(aliases: dict[str, ModelAlias]) -> dict[str, ModelAlias]:
    """Return ``aliases`` where each can be followed to its end. Raises `ValueError`."""
    for name in aliases:
        if not name or name == ANY or name.endswith(f"/{ANY}"):
            raise ValueError(f"{name!r} can't name an alias: it means something else")
    if (circle := circle_in(aliases)) is not None:
        raise ValueError(f"the alias {circle[0]!r} stands for itself: {' -> '.join(circle)}")
    if (deep := deeper_than(MOST_FLOORS, aliases)) is not None:
        raise ValueError(f"the alias {deep!r} stands for aliases of aliases, more than {MOST_FLOORS} in each other")
    if (large := larger_than(MOST_NAMES, aliases)) is not None:
        raise ValueError(f"the alias {large!r} stands for more than {MOST_NAMES} names, all in it counted")
    return aliases


def checked_map(patterns: dict[str, str]) -> dict[str, str]:
    """Return ``patterns`` where each says something. Raises `ValueError`."""
    for pattern, model in patterns.items():
        if not pattern or not model:
            raise ValueError(f"models.map: {pattern!r} = {model!r} should be a pattern and what is asked instead")
    return patterns
