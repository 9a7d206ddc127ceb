"""Values of a body as they must be, or a rejection that names the place."""

from __future__ import annotations

from typing import Any

from shunpike_gateway.exchange import RejectedBody


def text(value: Any, place: str) -> str:
    """Return ``value``, which must be a text. Raises `RejectedBody`."""
    if isinstance(value, str):
        return value
    raise wrong(value, place, "a text")


def name(value: Any, place: str) -> str:
    """Return ``value``, which must be a text that is not empty. Raises `RejectedBody`."""
    if isinstance(value, str) and value:
        return value
    raise wrong(value, place, "a name")


def table(value: Any, place: str) -> dict[str, Any]:
    """Return ``value``, which must be an object. Raises `RejectedBody`."""
    if isinstance(value, dict):
        return value
    raise wrong(value, place, "an object")


def listing(value: Any, place: str) -> list[Any]:
    """Return ``value``, which must be an array. Raises `RejectedBody`."""
    if isinstance(value, list):
        return value
    raise wrong(value, place, "an array")


def wrong(value: Any, place: str, expected: str) -> RejectedBody:
    """Return the rejection of ``value``; its text is not repeated, as it may be a prompt."""
    if value is None:
        return RejectedBody(
            f"{place} is missing: {expected} is expected", param=place, code="missing_required_parameter"
        )
    return RejectedBody(f"{place} must be {expected}, got {kind(value)}", param=place, code="invalid_type")


def unsupported(place: str, message: str) -> RejectedBody:
    """Return the rejection of what can't be done here and must not be left out."""
    return RejectedBody(f"{place}: {message}", param=place, code="unsupported_parameter")


def kind(value: Any) -> str:
    """Return what JSON calls the type of ``value``."""
    names = {
        list: "an array",
        dict: "an object",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")
