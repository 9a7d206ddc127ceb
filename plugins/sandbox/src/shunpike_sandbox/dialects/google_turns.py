"""The order in which Gemini wants calls and their results, and the signatures that it wants back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.google_models import older
from shunpike_sandbox.refusals import Problem

Content = tuple[str, Sequence[Mapping[str, Any]]]
"""A role and its parts, under their camel-case names."""
_OURS = b"sandbox:"
_EXCUSES = (b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go")
"""What Google documents for a call whose signature is lost."""


def sign(call_id: str) -> str:
    """Return the signature of a call."""
    return base64.b64encode(_OURS + call_id.encode()).decode()


def check(contents: Sequence[Content], model: Model) -> None:
    """Refuse calls without their results, results without their calls, and calls of this turn without a signature."""
    calls = 0
    for _, parts in contents:
        results = sum("functionResponse" in part for part in parts)
        if calls and calls != results:
            raise _no(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if results and not calls:
            raise _no("Please ensure that function response turn comes immediately after a function call turn.")
        calls = sum("functionCall" in part for part in parts)
    if not older(model):
        _signed(contents)


def _signed(contents: Sequence[Content]) -> None:
    # What the user said last begins the turn; what happened before it may have lost its signatures.
    begins = max((number for number, (role, parts) in enumerate(contents) if _asks(role, parts)), default=0)
    for number, (_, parts) in enumerate(contents):
        calls = [part for part in parts if "functionCall" in part]
        for part in parts:
            if part.get("thoughtSignature") is not None and not _known(part["thoughtSignature"]):
                raise _no("Corrupted thought signature.")
        if calls and number >= begins and not any("thoughtSignature" in call for call in calls):
            name = calls[0]["functionCall"].get("name", "")
            raise _no(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                "work correctly, and missing thought_signature may lead to degraded model performance. Additional "
                f"data, function call `default_api:{name}` , position {number + 1}. Please refer to "
                "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )


def _asks(role: str, parts: Sequence[Mapping[str, Any]]) -> bool:
    return role != "model" and not any("functionResponse" in part for part in parts)


def _known(signature: str) -> bool:
    raw = signature.encode()
    try:
        decoded = base64.b64decode(raw.translate(bytes.maketrans(b"-_", b"+/")), validate=True)
    except binascii.Error:
        return raw in _EXCUSES
    return raw in _EXCUSES or decoded in _EXCUSES or decoded.startswith(_OURS)


def _no(what: str) -> Problem:
    return Problem("value", "", what)
