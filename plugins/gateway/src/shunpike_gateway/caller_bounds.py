"""What bounds a caller, put to each request of whatever dialect: no dialect can forget it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shunpike.control.client_keys import may_ask
from shunpike.runtime.wishes import Wishes
from shunpike_gateway.exchange import ApiError, ApiFailure, Caller

StandsFor = Callable[[str], str]
"""Name of a model → the name that is asked for it: see `Snapshot.stands_for`."""


def may_use(caller: Caller, model: str, stands_for: StandsFor) -> bool:
    """Whether ``caller`` may ask for ``model``, by that name or by the one that is asked for it."""
    return not caller.models or may_ask(caller.models, model) or may_ask(caller.models, stands_for(model))


def check_model(caller: Caller, model: str, stands_for: StandsFor) -> None:
    """Raise `ApiFailure` with 403 where ``model`` is none of those that ``caller`` may ask for."""
    if not may_use(caller, model, stands_for):
        raise _not_allowed(caller, model)


def bounded(wishes: Wishes, caller: Caller, model: str, stands_for: StandsFor) -> Wishes:
    """Return ``wishes`` with what bounds ``caller``, who asks for ``model``.

    Raises `ApiFailure` with 403 where that is none of its models.
    """
    check_model(caller, model, stands_for)
    if caller.principal is None and not caller.no_paid:
        return wishes
    return replace(wishes, principal=caller.principal, no_paid=caller.no_paid or wishes.no_paid)


def _not_allowed(caller: Caller, model: str) -> ApiFailure:
    message = f"the key of {caller.name} may not ask for {model[:200]!a}; it may for: {', '.join(caller.models)}"
    hint = "name one of these   ·   or ask whoever runs the gateway"
    problem = ApiError(
        403, "permission_error", "model_not_allowed", message, param="model", hint=hint, should_retry=False
    )
    return ApiFailure(problem)
