"""The request of the core that a dialect makes of a body, and what holds in it whatever the dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shunpike.types import ChatRequest
from shunpike.validation import about
from shunpike_gateway.exchange import RejectedBody


def check_picture(url: str, place: str) -> None:
    """Raise `RejectedBody` for what is neither a picture nor an address on the web, such as the path of a file."""
    if not url.lower().startswith(("data:image/", "http://", "https://")):
        raise RejectedBody(f"{place} must be an address (https:) or a picture (data:image/)", param=place)


def request_of(fields: Mapping[str, Any]) -> ChatRequest:
    """Return the request. Raises `RejectedBody` naming the field that can't be, in the words of chat completions."""
    try:
        return ChatRequest.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        first["loc"] = tuple(part for part in first["loc"] if isinstance(part, int) or part.isidentifier())
        raise RejectedBody(about(first), param=".".join(map(str, first["loc"])) or None) from None
