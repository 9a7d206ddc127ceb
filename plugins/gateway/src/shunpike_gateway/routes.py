"""Which path is answered by what. Each part adds its lines here; the server knows nothing else of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect

Endpoint = Callable[[HttpCall], Awaitable[None]]
"""Answers one call; what it raises is written as an error in the words of its route's dialect."""

Access = Literal["open", "client", "admin"]
"""Who may ask: anybody, who has a client key, or who has the admin key."""

ANY_METHOD = "*"


@dataclass(frozen=True)
class ApiRoute:
    """One way to ask."""

    method: str
    """Of HTTP, in capitals; `ANY_METHOD` takes those that no other route of its path does."""
    path: str
    """The whole path; one that ends in ``/*`` is the beginning of any."""
    endpoint: Endpoint
    dialect: ApiDialect
    """Whose words its errors are told in."""
    access: Access = "client"
    logged: bool = True
    """Whether it is told in the log of requests."""


class RouteTable:
    """Finds the route of a request: by its exact path first, then by the longest beginning."""

    def __init__(self, routes: Sequence[ApiRoute]) -> None:
        self.routes = tuple(routes)
        self._exact: dict[str, dict[str, ApiRoute]] = {}
        begun: dict[str, dict[str, ApiRoute]] = {}
        for one in routes:
            table, path = (begun, one.path[:-1]) if one.path.endswith("/*") else (self._exact, one.path)
            methods = table.setdefault(path, {})
            if one.method in methods:
                raise ValueError(f"{one.method} {one.path} stands twice in the table of routes")
            methods[one.method] = one
        self._begun = sorted(begun.items(), key=lambda pair: -len(pair[0]))

    def at(self, path: str) -> Mapping[str, ApiRoute]:
        """Return method → route of ``path``; empty where there is none."""
        found = self._exact.get(path)
        if found is not None:
            return found
        return next((routes for beginning, routes in self._begun if path.startswith(beginning)), {})
