"""Plays the steps of a scenario inside an SDK's own environment and prints what came of each as one JSON object.

Only the standard library is imported here: the environment holds one vendor's SDK and nothing of ours.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

Step = Callable[["Stage"], Any]

QUESTION = "What is a shunpike?"
WEATHER_QUESTION = "What is the weather in Paris?"
CITY_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
CITY_QUESTION = "Answer in JSON. city: Rome, days: 3"
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TWO_TOOLS = [
    WEATHER_TOOL,
    {
        "type": "function",
        "function": {
            "name": "get_time",
            "description": "Get the local time in a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    },
]

_STEPS: dict[str, Step] = {}


@dataclass(frozen=True)
class Stage:
    """What a step needs: where it asks, where the sandbox listens, and an account that no other step uses."""

    root: str
    world: str
    name: str

    @property
    def key(self) -> str:
        return f"sandbox-paid-{self.name}"

    @property
    def free_key(self) -> str:
        return f"sandbox-{self.name}"

    def trouble(self, *script: str | None, seconds: float = 0.2) -> None:
        """Let the next requests fail so, in this order."""
        self._make_trouble({"script": script, "seconds": seconds})

    def outage(self, rate: float) -> None:
        """Let this share of all requests be refused as too many, from now on."""
        self._make_trouble({"rate": rate, "kinds": ["overloaded"]})

    def received(self) -> int:
        """Return how many requests all providers together have got."""
        books = json.loads(self._call("GET", "/_sandbox/books?attempts=0"))
        return sum(one["requests"] for one in books.values())

    def _make_trouble(self, body: Any) -> None:
        self._call("POST", "/_sandbox/faults", json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with closing(HTTPConnection(self.world.removeprefix("http://"), timeout=5)) as connection:
            connection.request(method, path, body)
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read()


def step(function: Step) -> Step:
    """Add a step to the scenario, in the order of the file."""
    _STEPS[function.__name__] = function
    return function


def caught(act: Callable[[], Any]) -> dict[str, Any]:
    """Return what kind of exception ``act`` raises, and what the SDK read from the answer."""
    try:
        value = act()
    except Exception as error:  # noqa: BLE001  # what an SDK raises is the result
        return described(error)
    raise AssertionError(f"nothing was raised; the answer was {value!r}"[:300])


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception as data."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"type": kinds[0], "kinds": kinds, "status": status, "message": str(error)[:600]}


def main() -> None:
    """Play all steps against the address that is the first argument; the second one is the sandbox, where it isn't."""
    _loopback_only()
    root, world = sys.argv[1], sys.argv[-1]
    results: dict[str, Any] = {}
    for name, function in _STEPS.items():
        try:
            results[name] = {"value": function(Stage(root, world, name))}
        except Exception as error:  # noqa: BLE001  # a step that fails is told, and must not hide the others
            results[name] = {"error": described(error)}
    json.dump(results, sys.stdout)


def _loopback_only() -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(("127.", "::1", "localhost")):
            raise AssertionError(f"an SDK tried to reach {address!r}")
        connect(self, address)

    socket.socket.connect = guarded
