"""The error when a plan has nobody to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.errors import Exhausted, NoCredential, ShunpikeError
from shunpike.plugins import Host
from shunpike.routing.decision_recorder import DecisionRecorder, too_large
from shunpike.routing.plan import Plan
from shunpike.runtime.accounts import how_to_begin
from shunpike.types import Cause, ChatRequest, Decision, EmbedRequest, RequestOutcome
from shunpike.types.base import changed


def nothing_to_ask(host: Host, plan: Plan, model: str, prompt_tokens: int) -> ShunpikeError:
    """Return why ``plan`` is empty: the prompt is too large, no key is there, or what else stands in the way."""
    error = too_large(plan, prompt_tokens)
    if error is not None:
        return error
    if all(one.cause in (Cause.KEY, Cause.BAD_KEY) for one in plan.dropped):
        lacking = ", ".join(f"{one.provider} ({one.reason})" for one in plan.dropped)
        usable = "usable " if any(one.cause is Cause.BAD_KEY for one in plan.dropped) else ""
        return NoCredential(
            f"no provider has a {usable}key: {lacking}" if lacking else "no provider is installed",
            hint=how_to_begin(host, [one.provider for one in plan.dropped]),
        )
    return DecisionRecorder(model, plan).exhausted("", now=0.0)


def record_of(
    error: Exhausted, request: ChatRequest | EmbedRequest, request_id: str, facts: Mapping[str, Any]
) -> Decision:
    """Return the record of a request for which nobody was left to ask, which its error carries from now on."""
    error.request_id = request_id
    told = {"ended": RequestOutcome.EXHAUSTED, "error": "exhausted", "kind": request.kind, "request_id": request_id}
    user = request.user if isinstance(request, ChatRequest) else None
    error.decision = changed(error.decision, user=user, **told, **facts)
    return error.decision
