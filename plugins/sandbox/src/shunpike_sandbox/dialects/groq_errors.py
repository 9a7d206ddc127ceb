"""How Groq says no: the window of a limit stands in the text alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.dialects.durations import duration
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame, dump
from shunpike_sandbox.service import strictest
from shunpike_sandbox.visits import Visit

_WINDOWS = {
    "rpm": ("requests per minute", "RPM", "requests"),
    "rpd": ("requests per day", "RPD", "requests"),
    "tpm": ("tokens per minute", "TPM", "tokens"),
    "tpd": ("tokens per day", "TPD", "tokens"),
}

_UPGRADE = "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"


class GroqErrors(ChatService):
    """The errors of `Groq`."""

    provider_id = "groq"

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        """Return an error in Groq's shape, which leaves out what it does not know."""
        body = {"message": message, "type": kind, "param": param, "code": code}
        body = {name: value for name, value in body.items() if value is not None}
        return ErrorReply(status, {"error": body})

    @override
    def error_frames(self, visit: Visit) -> Iterable[Frame]:
        """Return the event with which Groq ends a stream that failed."""
        error = {
            "message": (
                "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
            ),
            "type": "invalid_request_error",
            "code": "tool_use_failed",
            "failed_generation": "",
            "status_code": 400,
        }
        return [Frame(b"event: error\ndata: " + dump({"error": error}) + b"\n\n")]

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        return self.error(401, "Invalid API Key", "invalid_request_error", "invalid_api_key")

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        return self.error(400, _worded(problem), "invalid_request_error")

    @override
    def retired_model(self, model: Model) -> ErrorReply:
        """Return the error for a model that is no more: a 400 here."""
        message = (
            f"The model `{model.id}` has been decommissioned and is no longer supported. Please refer to "
            "https://console.groq.com/docs/deprecations for a recommendation on which model to use instead."
        )
        return self.error(400, message, "invalid_request_error", "model_decommissioned")

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        message = "Please reduce the length of the messages or completion."
        return self.error(400, message, "invalid_request_error", "context_length_exceeded", "messages")

    @override
    def room(self, prompt: int, ask: ParsedRequest, model: Model) -> int:
        """Refuse an answer longer than the model can write."""
        if ask.max_tokens is not None and ask.max_tokens > model.max_output:
            problem = (
                f"`max_completion_tokens` must be less than or equal to `{model.max_output}`, the maximum value for "
                "this model"
            )
            raise self.error(400, problem, "invalid_request_error", None, "max_completion_tokens")
        return super().room(prompt, ask, model)

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        """Return the 429, or a 413 for what can never fit; only the text names the window."""
        hit = strictest(hits)
        words, short, kind = _WINDOWS[hit.quota.rule.name]
        tier = "on_demand"
        where = f"for model `{model.id}` in organization `org_sandbox` service tier `{tier}` on {words} ({short})"
        if hit.hopeless:
            message = (
                f"Request too large {where}: Limit {hit.quota.amount}, Requested {hit.requested}, please reduce your "
                f"message size and try again. {_UPGRADE}"
            )
            refusal = self.error(413, message, kind, "rate_limit_exceeded")
            refusal.headers = self.headers(visit)
            return refusal
        message = (
            f"Rate limit reached {where}: Limit {hit.quota.amount}, Used {hit.used}, Requested {hit.requested}. "
            f"Please try again in {duration(hit.retry_after)}. {_UPGRADE}"
        )
        refusal = self.error(429, message, kind, "rate_limit_exceeded")
        refusal.headers = {**self.headers(visit), "retry-after": str(math.ceil(hit.retry_after))}
        return refusal

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        """Return the error for an account whose bill is overdue; Groq has no prepaid accounts."""
        return self.error(403, "This organization is restricted.", "invalid_request_error", "organization_restricted")

    @override
    def model_forbidden(self, visit: Visit) -> ErrorReply:
        """Return the error for a model that the organization has switched off."""
        message = (
            f"The model `{visit.asked_model}` is blocked at the organization level. Please have the org admin enable "
            "this model in the org settings at https://console.groq.com/settings/limits"
        )
        return self.error(403, message, "permissions_error", "model_permission_blocked_org")

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        message = f"{visit.asked_model} is currently over capacity. Please try again and back off exponentially."
        return self.error(503, message, "internal_server_error")

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        return self.error(500, "Internal Server Error", "internal_server_error")

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        """Return the error of the flex tier without capacity."""
        message = "This model is at capacity on the flex tier. Please try again."
        return self.error(498, message, "internal_server_error", "capacity_exceeded")


def _worded(problem: Problem) -> str:  # noqa: PLR0911  # one case a kind of problem
    where = f"'{problem.param}' : "
    match problem.kind:
        case "json":
            return f"could not parse JSON body: {problem.message}"
        case "empty":
            return f"{where}minimum number of items is 1"
        case "unknown":
            return f"property '{problem.param}' is unsupported"
        case "field":
            return _strange(problem)
        case "missing":
            return f"{where}property '{problem.param.split('.')[-1]}' is missing"
        case "type" | "value" | "range" | "length" | "pattern" | "image" if problem.expected:
            return f"{where}value must be {problem.expected}"
    return f"{where}{problem.message}" if problem.kind in ("type", "value", "unsupported") else problem.message


def _strange(problem: Problem) -> str:
    """Return the complaint about a field that a message of this role may not have."""
    where = problem.param.rpartition(".")[0].replace("[", ".").replace("]", "")
    what = f"('{where}' : {problem.message})"
    return f"'{where}' : for 'role:{problem.expected}' the following must be satisfied[{what}]"
