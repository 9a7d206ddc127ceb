"""How an endpoint says no, before a dialect gives the no its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override


@dataclass(slots=True, eq=False)
class Problem(Exception):
    """What is wrong with a body; the dialect words the error.

    ``kind`` is one of: type, unknown, field (unknown too, but inside something), missing, value, range, length,
    pattern, unsupported, empty, schema, image, json, other; a dialect may know more of its own.
    """

    kind: str
    param: str
    message: str
    expected: str = ""
    got: str = ""
    low: float | None = None
    """The least that is allowed, of a range; ``measure`` is what is counted."""
    high: float | None = None
    measure: str = ""

    @override
    def __str__(self) -> str:
        return self.message


@dataclass(slots=True)
class ErrorReply(Exception):
    """A finished error answer."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    overage: bool = False
    indent: int | None = None
