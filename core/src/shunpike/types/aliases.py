"""Names of the operator's own for models, and which request gets which: ``[models.NAME]`` and ``[[routing.rule]]``."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from shunpike.types.base import Record
from shunpike.types.written import Written

NO_UNIT: JsonDict = {"unit": "-"}
_TOKENS: JsonDict = {"unit": "tokens"}
_OWN: JsonDict = {"unit": "the strategy's own"}


class AliasTarget(Record):
    """An entry of an alias: anything that a model may be called, and its share of the requests."""

    model: str = Field(min_length=1)
    weight: float | None = Field(default=None, gt=0, le=1e6)
    """Neighbours with weights share the requests by them; None = it is asked after what stands before it."""


class ModelAlias(Written, Record):
    """A name of the operator's own, which may stand wherever a model is named."""

    model_config = ConfigDict(hide_input_in_errors=True)

    targets: tuple[AliasTarget, ...] = Field(
        min_length=1, examples=[["acme/m-large", "auto"]], json_schema_extra={"unit": "names of models"}
    )
    """What it stands for, the first choice first: any names of models, or tables such as
    ``{ model = "acme/m-large", weight = 2 }``; neighbours with weights share the requests by them."""
    strategy: str | None = Field(default=None, examples=["priority"], json_schema_extra=NO_UNIT)
    """Where it is set, this strategy puts all of them in order, instead of the place in the list."""
    strategy_options: dict[str, Any] = Field(default_factory=dict, examples=[{"weight": 2}], json_schema_extra=_OWN)
    """What this strategy is told, instead of the ``strategy_options`` for all."""

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
        if self.strategy is None and self.strategy_options:
            raise ValueError("strategy_options need the strategy that takes them")
        return self


class RoutingRule(Record):
    """Which requests it is for, and what they are given. What is not set fits every request."""

    model: str | None = None
    """The model as it was asked for; ``*`` and ``?`` stand for any characters."""
    client: str | None = None
    """Who asks, by the name of the client key; ``*`` and ``?`` stand for any characters."""
    tag: str | None = None
    """The caller's tag; ``*`` and ``?`` stand for any characters."""
    min_input_tokens: int | None = Field(default=None, ge=0)
    """The prompt takes about so many tokens at least."""
    max_input_tokens: int | None = Field(default=None, ge=0)
    """The prompt takes about so many tokens at most."""
    tools: bool | None = None
    """Whether the request brings tools."""
    use: str | None = Field(default=None, min_length=1)
    """What is asked instead: anything that a model may be called."""
    strategy: str | None = None
    """The strategy that puts the candidates in order."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.use is None and self.strategy is None:
            raise ValueError('a rule needs "use" (a model) or "strategy"')
        least, most = self.min_input_tokens, self.max_input_tokens
        if least is not None and most is not None and least > most:
            raise ValueError(f"min_input_tokens {least} is more than max_input_tokens {most}: it fits no request")
        return self
