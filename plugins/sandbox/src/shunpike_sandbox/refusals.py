"""How an endpoint says no, before a dialect gives the no its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a body.

    ``kind`` is one of: type, unknown, missing, value, unsupported, empty, json.
    """

    kind: str
    param: str
    message: str
    expected: str = ""
    got: str = ""


class Invalid(Exception):
    """The body breaks a rule; the dialect words the error."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Refused(Exception):
    """A finished error answer."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    overage: bool = False
    indent: int | None = None
