"""How Google says no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import google_quota
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.service import Service, strictest
from shunpike_sandbox.visits import Visit

JSON = "application/json; charset=UTF-8"


class GoogleErrors(Service):
    """The errors of `Google`."""

    provider_id = "google"

    def error(self, status: int, message: str, word: str, details: Any = None) -> ErrorReply:
        """Return an error in Google's shape."""
        error = {"code": status, "message": message, "status": word}
        body = {"error": {**error, "details": details} if details else error}
        return ErrorReply(status, body, content_type=JSON, indent=2)

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        """Return the error for a missing or a wrong key: a 400 for the latter."""
        if key is None:
            message = (
                "Method doesn't allow unregistered callers (callers without established identity). Please use API Key "
                "or other form of API consumer identity to call this API."
            )
            return self.error(403, message, "PERMISSION_DENIED")
        message = "API key not valid. Please pass a valid API key."
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        local = {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message}
        return self.error(400, message, "INVALID_ARGUMENT", [info, local])

    @override
    def too_large(self) -> ErrorReply:
        message = f"Request payload size exceeds the limit: {self.max_bytes} bytes."
        return self.error(400, message, "INVALID_ARGUMENT")

    def invalid(self, problem: Problem) -> ErrorReply:
        """Word a broken rule as Google does."""
        if problem.kind == "json":
            return self.error(400, f"Invalid JSON payload received. {problem.message}", "INVALID_ARGUMENT")
        if problem.kind not in ("unknown", "type"):
            return self.error(400, problem.message, "INVALID_ARGUMENT")
        violation = {"field": problem.param, "description": problem.message}
        kept = {name: value for name, value in violation.items() if value}
        details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [kept]}]
        return self.error(400, problem.message, "INVALID_ARGUMENT", details)

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        message = f"The input token count exceeds the maximum number of tokens allowed ({model.context})."
        return self.error(400, message, "INVALID_ARGUMENT")

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        tier = visit.account.tier if visit.account else "free"
        message, details = google_quota.violations(model, tier, hits, self.world.clock.now(), strictest(hits))
        return self.error(429, message, "RESOURCE_EXHAUSTED", details)

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        message = "Your prepayment credits are depleted. Please go to AI Studio to add credits."
        return self.error(402, message, "RESOURCE_EXHAUSTED")

    @override
    def model_forbidden(self, visit: Visit) -> ErrorReply:
        message = f"You do not have permission to access models/{visit.asked_model} or it may not exist."
        return self.error(403, message, "PERMISSION_DENIED")

    @override
    def model_ended(self, visit: Visit) -> ErrorReply:
        """Return the error for a model that is no more, which reads as for one that never was."""
        message = (
            f"models/{visit.asked_model} is not found for API version v1beta, or is not supported for generateContent. "
            "Call ModelService.ListModels to see the list of available models and their supported methods."
        )
        return self.error(404, message, "NOT_FOUND")

    @override
    def unsafe(self, visit: Visit) -> ErrorReply:
        """Return an answer without candidates: a blocked prompt has a good status here."""
        feedback = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": visit.asked_model}
        return ErrorReply(200, feedback, content_type=JSON, indent=2)

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        return self.error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE")

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        message = "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"
        return self.error(500, message, "INTERNAL")

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        """Return the bare 429 of a model without capacity."""
        return self.error(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED")
