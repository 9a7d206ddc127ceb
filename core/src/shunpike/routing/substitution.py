"""Whether an answer is from the model that was asked: a provider may have put another in its place, and says so."""

from __future__ import annotations

from shunpike.catalog import find_served
from shunpike.errors import BadAnswer
from shunpike.protocols import Target
from shunpike.routing.context import Attempt, RequestContext
from shunpike.routing.names import short_name
from shunpike.types.base import ANY

KIND = "substituted"
_NEWEST = "latest"


def substituted(served: str, context: RequestContext, attempt: Attempt) -> BadAnswer | None:
    """Return what is wrong with an answer of the model ``served`` where that is another than the one that was named.

    None where it is the same, and where the request is not strict: then a warning tells it.
    """
    target = attempt.target
    if not served or not _is_named(context) or is_same(target, served):
        return None
    told = f"{target.name} answered with {served!r}, not with {target.model.id!r}"
    if context.strict:
        return BadAnswer(told, provider=target.name, model=target.model.id, kind=KIND)
    if told not in attempt.remarks:
        attempt.remarks.append(told)
    return None


def _is_named(context: RequestContext) -> bool:
    """Whether the caller named a model: any is as good to others, and so is any of an alias."""
    name = context.request.model
    return name != ANY and not name.endswith(f"/{ANY}") and context.plan.alias is None


def is_same(target: Target, served: str) -> bool:
    """Whether an answer's ``served`` is the model of ``target``, under one of its names, with a date or a variant.

    What points at others by its name is whatever it points at: a provider's own choice, or the latest of a family.
    """
    model = target.model
    owner, _, _ = model.id.partition("/")
    if owner == model.provider or model.id.endswith(_NEWEST):
        return True
    short = short_name(served)
    names = (model.id, *model.aliases)
    return any(short == short_name(name) for name in names) or find_served((), model, served) is not None
