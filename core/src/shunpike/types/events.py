"""Events that observers get: a fixed noun.verb name and facts as keys, never a key or a prompt."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shunpike.types.base import Moment, Record


class EventName(StrEnum):
    """Every event there is, so that a test can list them in the docs."""

    REQUEST_STARTED = "request.started"
    REQUEST_WAITING = "request.waiting"
    REQUEST_FINISHED = "request.finished"
    REQUEST_EXHAUSTED = "request.exhausted"
    ATTEMPT_STARTED = "attempt.started"
    ATTEMPT_FAILED = "attempt.failed"
    ATTEMPT_FINISHED = "attempt.finished"
    ADMISSION_REFUSED = "admission.refused"
    BUCKET_CLOSED = "bucket.closed"
    ACCOUNT_FROZEN = "account.frozen"
    PLUGIN_BROKEN = "plugin.broken"
    RESERVATIONS_RECOVERED = "reservations.recovered"


class Event(Record):
    """Something that happened. ``at`` is epoch seconds."""

    name: EventName
    at: Moment
    facts: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
