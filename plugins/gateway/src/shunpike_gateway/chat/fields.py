"""The fields of a chat body: those that go on, those that mean nothing to a model, and those that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.client import option_values as values
from shunpike.errors import UsageError
from shunpike.types.given import says_nothing
from shunpike.validation import shown
from shunpike_gateway.exchange import RejectedBody

_CHECKS: Mapping[str, values.Check] = {
    **values.PARAMETERS,
    "functions": lambda _, value: value,
    "function_call": values.word_or_table,
}
"""Parameter → what its value must be. What is not among them is sent to nobody: it could name an address, a key, or
something that costs money."""
_OTHERWISE = frozenset(
    {
        "messages",
        "stream",
        "stream_options",
        "metadata",
        "store",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "session_id",
        "reasoning",
    }
)
"""What is read elsewhere, or is about OpenAI's own books."""


def fields_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of ``body`` that go on, checked. Raises `RejectedBody` naming the one that can't be."""
    found = {}
    for name, value in body.items():
        check = _CHECKS.get(name)
        if check is not None and not says_nothing(value):
            try:
                found[name] = check(name, value)
            except UsageError as error:
                raise RejectedBody(error.message, param=name) from None
    effort = body.get("reasoning")
    if isinstance(effort, dict) and isinstance(effort.get("effort"), str) and "reasoning_effort" not in found:
        found["reasoning_effort"] = effort["effort"]
    return found


def unknown_of(body: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each field of ``body`` that goes nowhere."""
    unknown = [name for name in body if name not in _CHECKS and name not in _OTHERWISE]
    if "modalities" in unknown and body["modalities"] in (["text"], None):
        unknown.remove("modalities")
    return [f"{name[:80]!a} is no parameter here, and was left out" for name in unknown]


def flag_of(body: Mapping[str, Any], name: str) -> bool:
    """Return a yes or no of ``body``, no where it is not there. Raises `RejectedBody`."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RejectedBody(f"{name} must be true or false, got {shown(value)}", param=name)
