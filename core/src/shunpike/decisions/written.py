"""A record as it is written down: JSON that says what differs from the usual, without a word of prompt or answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Any

from pydantic import BaseModel

from shunpike.masking import masked
from shunpike.types import AttemptRecord, Candidate, Decision, Verdict

PLAIN = frozenset(
    {
        "auth",
        "permission",
        "region",
        "not_found",
        "retired",
        "tier",
        "rate_limited",
        "quota",
        "credits",
        "spend_cap",
        "overloaded",
        "upstream",
        "timeout",
        "connection",
        "unsent",
        "stream_interrupted",
        "cancelled",
        "substituted",
        "plugin",
    }
)
"""Kinds of failures that speak of the provider. Others may quote the prompt or the answer: their words stay out."""
_SENT = (Verdict.FAILED, Verdict.ANSWERED)
_ABOUT_ANSWERS = ("the answer may be of no use", "choice ")
_PLAIN_TYPES = frozenset({str, int, float, bool, type(None)})
_UNLIKE = object()
"""No field is like it."""


def texts_of(decisions: Sequence[Decision]) -> list[str]:
    """Return each of ``decisions`` as one line of JSON, keys masked."""
    lines = [json.dumps(_lean(discreet(one)), separators=(",", ":")) for one in decisions]
    return masked("\n".join(lines)).split("\n") if lines else []


def decision_of(text: str) -> Decision:
    """Return the record that `texts_of` made ``text`` of, be it by an earlier version. Raises `ValueError`."""
    return Decision.model_validate(json.loads(text))


def _lean(value: Any) -> Any:
    """Return ``value`` as JSON types, records without what they have by default; a ``kind`` tells windows apart."""
    if isinstance(value, BaseModel):
        told, defaults = value.__pydantic_fields_set__, _defaults(type(value))
        return {
            name: one if type(one) in _PLAIN_TYPES else _lean(one)
            for name, one in value.__dict__.items()
            if (name in told and one != defaults.get(name, _UNLIKE)) or name == "kind"
        }
    if isinstance(value, tuple | list):
        return [_lean(one) for one in value]
    return value.value if isinstance(value, Enum) else value


@cache
def _defaults(record: type[BaseModel]) -> dict[str, Any]:
    return {name: field.default for name, field in record.model_fields.items() if not field.is_required()}


def discreet(decision: Decision) -> Decision:
    """Return a record that quotes nobody: of a failure that may, only its kind is told."""
    update: dict[str, Any] = {}
    if decision.warnings:
        update["warnings"] = tuple(map(_unquoted, decision.warnings))
    if any(one.message is not None and one.error not in PLAIN for one in decision.attempts):
        update["attempts"] = tuple(map(_without_words, decision.attempts))
    if any(one.verdict in _SENT for one in decision.candidates):
        update["candidates"] = tuple(map(_of_its_kind, decision.candidates))
    return decision.model_copy(update=update) if update else decision


def _unquoted(warning: str) -> str:
    """Return a warning without the words that tell what is wrong with an answer: they may be the answer's."""
    return warning.partition(":")[0] if warning.startswith(_ABOUT_ANSWERS) else warning


def _of_its_kind(one: Candidate) -> Candidate:
    if one.verdict not in _SENT or not one.reason:
        return one
    kind, _, _ = one.reason.partition(":")
    return one if kind.rsplit(" ", 1)[-1] in PLAIN else one.model_copy(update={"reason": kind})


def _without_words(one: AttemptRecord) -> AttemptRecord:
    return one if one.error in PLAIN else one.model_copy(update={"message": None})
