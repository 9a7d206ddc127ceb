"""How DeepSeek says no: in the words of its deserializer, some of them under a content type of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.visits import Visit

_OPAQUE = "application/octet-stream"


class DeepSeekErrors(ChatService):
    """The errors of `DeepSeek`."""

    provider_id = "deepseek"

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        """Return an error; the code is nearly always the same word."""
        return super().error(status, message, kind, code or "invalid_request_error", param)

    @override
    def unsafe(self, visit: Visit) -> ErrorReply:
        """Return the error for a prompt that DeepSeek won't answer; only its words tell."""
        return self.error(400, "Content Exists Risk", "invalid_request_error")

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        if key is None:
            return self.error(
                401, "Authentication Fails (auth header format should be Bearer sk-...)", "authentication_error"
            )
        return self.error(401, f"Authentication Fails, Your api key: ****{key[-4:]} is invalid", "authentication_error")

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        """Word a broken rule as DeepSeek's deserializer does."""
        kind = "invalid_request_error"
        if problem.kind == "opaque":
            refusal = self.error(400, problem.message, kind)
            refusal.content_type = _OPAQUE
            return refusal
        if problem.kind == "other":
            return self.error(400, problem.message, kind)
        if problem.kind == "empty":
            return self.error(400, "Empty input messages" if problem.param == "messages" else problem.message, kind)
        if problem.kind == "range":
            what = f"the valid range of {problem.param} is [{problem.low:g}, {problem.high:g}]"
            return self.error(400, f"Invalid {problem.param} value, {what}", kind)
        message = f"Failed to deserialize the JSON body into the target type: {_unread(problem)} at line 1 column 1"
        return self.error(400, message, kind)

    @override
    def unknown_model(self, name: str) -> ErrorReply:
        return self.error(400, "Model Not Exist", "invalid_request_error")

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        message = (
            f"This model's maximum context length is {model.context} tokens. However, you requested {prompt + wanted} "
            f"tokens ({prompt} in the messages, {wanted} in the completion). Please reduce the length of the messages "
            "or completion."
        )
        refusal = self.error(400, message, "invalid_request_error")
        refusal.content_type = _OPAQUE
        return refusal

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        message = (
            "Rate limit reached: the number of concurrent requests of this account exceeds its limit of "
            f"{hits[0].quota.amount}. Please pace your requests."
        )
        return self.error(429, message, "rate_limit_error", "rate_limit_exceeded")

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        return self.error(402, "Insufficient Balance", "unknown_error")

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        return self.error(
            503, "Service is too busy. Please try again later.", "service_unavailable_error", "service_unavailable"
        )

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        return self.error(500, "Internal Server Error", "internal_error", "internal_error")

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        return self.error(429, "The server is busy. Please retry later.", "rate_limit_error", "rate_limit_exceeded")


def _unread(problem: Problem) -> str:
    """Return what the deserializer could not read, without its place."""
    where = problem.param
    if problem.kind == "missing":
        return f"missing field `{where.split('.')[-1]}`"
    if problem.kind == "type" and problem.expected:
        return f"{where}: invalid type: {problem.got}, expected {problem.expected}"
    if problem.kind == "value" and problem.expected:
        known = problem.expected.replace("'", "`")
        # Of two it says "a or b", of more "one of a, b, c".
        return f"{where}: unknown variant {problem.got.replace(chr(39), '`')}, expected {_one_of(known)}"
    if problem.kind == "unsupported":
        return f"{where.split('.')[0]}: {problem.message}"
    return f"{where}: {problem.message}" if problem.kind in ("length", "pattern") else problem.message


def _one_of(known: str) -> str:
    return f"one of {known}" if known.count("`") > 2 and " or " not in known else known
