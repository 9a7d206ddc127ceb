"""How a provider's chat API differs from OpenAI's, as data: the table ``[dialect]`` of a ``provider.toml``.

What can be said here needs no code. The first difference in behaviour makes a subclass of `ChatBackend`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from shunpike.catalog.schema import Where
from shunpike.types import FINISH_REASONS, Unit
from shunpike.types.base import Record
from shunpike.wire.kinds import KINDS

COMMON_CODES = {
    "billing_hard_limit_reached": "credits",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "context_length_exceeded": "context_overflow",
    "credit_balance_exhausted": "credits",
    "insufficient_quota": "credits",
    "invalid_api_key": "auth",
    "model_decommissioned": "retired",
    "model_deprecated": "retired",
    "model_not_found": "not_found",
    "organization_spend_limit_exceeded": "spend_cap",
    "organization_usage_limit_exceeded": "spend_cap",
    "project_spend_limit_exceeded": "spend_cap",
    "slow_down": "overloaded",
    "unsupported_country_region_territory": "region",
}
"""Documented error codes of the OpenAI API and those that its imitators added, with the kind each one means."""

COMMON_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "error": "error",
}


class RateHeaders(Record):
    """Which headers tell of one limit. ``window`` is its length in seconds, None where the headers don't tell."""

    unit: Unit
    window: float | None = Field(default=None, gt=0)
    limit: str | None = None
    remaining: str | None = None
    reset: str | None = None
    """Seconds, a duration such as ``1m26.4s``, a date, or epoch seconds or milliseconds: told apart by their form."""

    @field_validator("limit", "remaining", "reset")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return None if value is None else value.lower()


class Dialect(Record):
    """What differs from OpenAI's chat completions. An empty table is OpenAI itself."""

    # ---- where and with what
    chat_path: str = Field(default="/chat/completions", pattern="^/")
    models_path: str = Field(default="/models", pattern="^(/|$)")
    """Empty = the provider lists no models, so it has no free health probe either."""
    model_id: str = "id"
    """The field of a listed model that holds its id; a list may stand alone or under ``data`` or ``models``."""
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    extra_headers: dict[str, str] = Field(default_factory=dict)

    # ---- the request
    max_tokens_name: str = "max_completion_tokens"
    """The name of the output cap, which is always sent."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Our name of a parameter → the provider's."""
    drop: tuple[str, ...] = ()
    """Parameters that are not sent; one that was given leaves a warning on the answer."""
    drop_with_stream: tuple[str, ...] = ()
    """The same, of streamed requests only."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Sent with every request unless the caller gave that field."""
    stream_options: bool = True
    """Whether ``stream_options.include_usage`` may be sent."""
    single_choice: bool = False
    """Whether one request gives one answer only; ``n`` is then not sent."""
    max_stop: int | None = Field(default=None, ge=1)
    """How many stop sequences are taken."""
    json_schema: bool = True
    """False = a JSON schema is refused; plain JSON mode is asked for instead."""
    json_object: bool = True
    message_drop: tuple[str, ...] = ()
    """Fields of messages that are refused, such as ``name``."""
    roles: dict[str, str] = Field(default_factory=dict)
    """Our role → the provider's, such as developer → system."""
    null_content: bool = False
    """Whether a message without content must say so with a null."""
    send_reasoning: str | None = None
    """The field in which the thinking of an assistant message with tool calls is sent back; None = never."""
    private_fields: tuple[str, ...] = ()
    """Fields of an answer's message that the provider wants back unchanged."""

    # ---- the answer
    finish_reasons: dict[str, str] = Field(default_factory=dict)
    """The provider's finish reason → one of ours, or ``error``."""
    reasoning_fields: tuple[str, ...] = ("reasoning_content", "reasoning")
    usage_at: tuple[str, ...] = ("usage", "choices.0.usage")
    """Dotted paths at which the usage may be."""
    cached_at: tuple[str, ...] = ("prompt_tokens_details.cached_tokens",)
    """Dotted paths inside the usage at which the number of cached tokens may be."""
    stated_cost: str | None = None
    """Dotted path at which the provider states the cost in dollars."""
    errors_at: tuple[str, ...] = ("error", "choices.0.error")
    """Dotted paths at which an error may be inside an answer or a chunk whose status said that all is well."""
    request_id_headers: tuple[str, ...] = ("x-request-id",)

    # ---- refusals and limits
    codes: dict[str, str] = Field(default_factory=dict)
    """A documented error code or type → the kind it means; wins over the status."""
    statuses: dict[int, str] = Field(default_factory=dict)
    """A status → the kind it means here, where that differs from the usual."""
    quota_window: float = Field(default=3600.0, gt=0)
    """A refused limit with a window of at least so many seconds is a quota, not a rate."""
    errors_billed: bool = False
    cancel_safe: bool = False
    """Whether closing the connection stops the billing."""
    ratelimits: tuple[RateHeaders, ...] = ()

    @field_validator("codes", "statuses")
    @classmethod
    def _known_kinds(cls, value: dict[Any, str]) -> dict[Any, str]:
        for code, kind in value.items():
            if kind not in KINDS:
                raise ValueError(f"{code!r} means {kind!r}; expected one of {', '.join(sorted(KINDS))}")
        return value

    @field_validator("finish_reasons")
    @classmethod
    def _known_reasons(cls, value: dict[str, str]) -> dict[str, str]:
        for told, reason in value.items():
            if reason not in (*FINISH_REASONS, "error"):
                raise ValueError(f"{told!r} means {reason!r}; expected one of {', '.join(FINISH_REASONS)}, error")
        return value

    @property
    def exact(self) -> bool:
        """Whether fractions must be read exactly, because some of them are money."""
        return self.stated_cost is not None

    def finish(self, told: str) -> str | None:
        """Return our word for a finish reason: one of `FINISH_REASONS`, ``error``, or None when it is unknown."""
        return self.finish_reasons.get(told) or COMMON_FINISH.get(told)

    def meaning(self, code: str | None) -> str | None:
        """Return the kind of failure that a documented code means."""
        if code is None:
            return None
        return self.codes.get(code) or COMMON_CODES.get(code)


def read_dialect(raw: Mapping[str, Any] | None, origin: str) -> Dialect:
    """Return the dialect that a ``[dialect]`` table describes. Raises `ConfigError` naming file and key."""
    return Where(origin, "dialect").read(Dialect, raw or {})
