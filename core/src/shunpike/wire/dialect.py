"""How a provider's chat API differs from OpenAI's, as data: the table ``[dialect]`` of a ``provider.toml``.

What can be said here needs no code. The first difference in behaviour makes a subclass of `ChatBackend`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from shunpike.catalog.schema import CatalogPlace
from shunpike.types import FINISH_REASONS, Unit
from shunpike.types.base import Record
from shunpike.wire.balance import BalanceTable
from shunpike.wire.failure_kinds import KINDS

COMMON_CODES = {
    "array_above_max_length": "too_large",
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
    "string_above_max_length": "too_large",
    "unsupported_country_region_territory": "region",
    "unsupported_parameter": "unsupported",
    "unsupported_value": "unsupported",
}
"""Documented error codes of the OpenAI API and those that its imitators added, with the kind each one means."""

LONGEST_TEXT = 4000
"""Characters of a refusal that are searched."""

COMMON_FINISH = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
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

    refill: bool = False
    """Whether what is used comes back evenly, so that reset, limit and remaining together tell the window."""

    @field_validator("limit", "remaining", "reset")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return None if value is None else value.lower()


class Sentence(Record):
    """What a documented sentence of a refusal means, for what has no code of its own."""

    status: tuple[int, ...]
    """One status, or those under which the sentence was seen."""
    words: re.Pattern[str]
    """Found anywhere in the text of the refusal."""
    kind: str
    window: float | None = Field(default=None, gt=0)
    """The seconds of the limit that the sentence speaks of, where its headers don't tell."""
    zone: str | None = None
    """The IANA zone whose midnight opens a used-up quota, where the refusal names no moment."""
    hint: str | None = None
    """What its reader can do about it."""

    @field_validator("status", mode="before")
    @classmethod
    def _one_is_enough(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) else value

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        if value not in KINDS:
            raise ValueError(f"{value!r} is no kind of failure; expected one of {', '.join(sorted(KINDS))}")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone; expected one such as America/Los_Angeles")
        return value


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
    efforts: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Prefix of a model's id → our reasoning effort → the model's own; ``*`` = any other. The longest prefix counts."""
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
    parts: tuple[str, ...] = ()
    """The types of message parts that are taken; empty = all."""
    text_only: tuple[str, ...] = ()
    """The provider's roles whose content must be one text: parts are joined, and any that is no text is refused."""
    send_refusal: bool = True
    """Whether a refusal in the conversation may be called so; else it is sent as the text that it is."""
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
    own_key: str | None = None
    """Dotted path of the flag that the owner's own key at a provider behind this one was billed as well."""
    own_key_cost: str | None = None
    """Dotted path of what that key was billed, in dollars, beside the stated cost."""
    errors_at: tuple[str, ...] = ("error", "choices.0.error")
    """Dotted paths at which an error may be inside an answer or a chunk whose status said that all is well."""
    request_id_headers: tuple[str, ...] = ("x-request-id",)

    # ---- refusals and limits
    codes: dict[str, str] = Field(default_factory=dict)
    """A documented error code or type → the kind it means; wins over the status."""
    statuses: dict[int, str] = Field(default_factory=dict)
    """A status → the kind it means here, where that differs from the usual."""
    codes_at: tuple[str, ...] = ()
    """Dotted paths inside the error, beside ``code`` and ``type``, at which a documented code may be."""
    kinds_at: dict[str, str] = Field(default_factory=dict)
    """A dotted path inside the error → the kind that something at that place means."""
    texts_at: tuple[str, ...] = ()
    """Dotted paths inside the error at which more of its text is."""
    headers_at: str | None = None
    """The dotted path inside the error of headers that belong to the refusal."""
    relayed_at: str | None = None
    """The dotted path inside the error of the provider behind, where the refusal is that one's."""
    sentences: tuple[Sentence, ...] = ()
    """What is documented as a sentence only; the first that fits wins over the status."""
    quota_window: float = Field(default=3600.0, gt=0)
    """A refused limit with a window of at least so many seconds is a quota, not a rate."""
    errors_billed: bool = False
    cancel_safe: bool = False
    """Whether closing the connection stops the billing."""
    ratelimits: tuple[RateHeaders, ...] = ()
    balance: BalanceTable | None = None
    """Where what is left of the account can be asked for."""

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

    def effort(self, model: str, wanted: str) -> str | None:
        """Return the reasoning effort under the name, or the nearest one, that ``model`` takes.

        None = it is left out: ``default`` is the word of few for an effort that is not asked for.
        """
        prefix = max((one for one in self.efforts if model.startswith(one)), key=len, default=None)
        known = self.efforts[prefix] if prefix is not None else {}
        found = known.get(wanted) or known.get("*") or wanted
        return None if found == "default" and found not in known.values() else found

    def sentence(self, status: int | None, text: str) -> Sentence | None:
        """Return the first documented sentence that is found in ``text``."""
        found = (row for row in self.sentences if status in row.status and row.words.search(text[:LONGEST_TEXT]))
        return next(found, None)

    def meaning(self, code: str | None) -> str | None:
        """Return the kind of failure that a documented code means."""
        if code is None:
            return None
        return self.codes.get(code) or COMMON_CODES.get(code)


def read_dialect(raw: Mapping[str, Any] | None, origin: str) -> Dialect:
    """Return the dialect that a ``[dialect]`` table describes. Raises `ConfigError` naming file and key."""
    return CatalogPlace(origin, "dialect").read(Dialect, raw or {})
