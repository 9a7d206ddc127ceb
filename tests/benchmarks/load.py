"""Asks one address for chat completions as fast as it is told, and prints what came back and how long it took.

    python tests/benchmarks/load.py URL HEADERS MODEL --at-once 64 --seconds 4 [--rate 100] [--stream]

``HEADERS`` is a JSON object. A bare protocol of asyncio, so that it takes a small part of what any gateway takes.
Without a rate each connection asks again as soon as it has its answer. With one, requests begin at fixed moments, and a
late one counts from when it should have begun.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

QUESTION = "What is a shunpike? Answer in one sentence, and leave out what everybody knows."
MESSAGES = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": QUESTION}]
LATE = 30.0
"""Seconds for which answers are waited for after the last request."""


def request_bytes(url: str, headers: Mapping[str, str], model: str, *, stream: bool) -> bytes:
    """Return one request, ready to be written."""
    body: dict[str, Any] = {"model": model, "messages": MESSAGES, "max_tokens": 256}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    data, place = json.dumps(body).encode(), urlsplit(url)
    given = {"host": place.netloc, "content-type": "application/json", "content-length": str(len(data)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST {place.path} HTTP/1.1\r\n{head}\r\n".encode() + data


class Results:
    """What was measured."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.first: list[float] = []
        """Seconds to the first byte of each body."""
        self.events = 0
        self.failures = 0
        self.problem = ""

    def summary(self, took: float) -> dict[str, Any]:
        """Return it in milliseconds and counts a second."""
        return {
            "count": len(self.seconds),
            "a_second": len(self.seconds) / took,
            "events_a_second": self.events / took,
            "events_each": self.events / max(len(self.seconds), 1),
            "failures": self.failures,
            "problem": self.problem,
            **{f"p{at}": quantile(self.seconds, at) for at in (50, 99)},
            **{f"first_p{at}": quantile(self.first, at) for at in (50, 99)},
        }


def quantile(values: list[float], at: int) -> float:
    """Return a quantile in milliseconds; nearest rank."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values) - 1, math.ceil(len(values) * at / 100) - 1)] * 1e3


class Connection(asyncio.Protocol):
    """One connection, which has at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._begun = 0.0
        self._busy = False
        self._reset()

    def _reset(self) -> None:
        self._head = b""
        self._length: int | None = None
        self._read = 0
        self._tail = b""
        self._status = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def ask(self, begun: float) -> None:
        """Send a request that counts from ``begun`` on."""
        assert self._transport is not None
        self._reset()
        self._begun, self._busy = begun, True
        self._transport.write(self._load.request)

    @override
    def data_received(self, data: bytes) -> None:
        if not self._status:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = self._head[end + 4 :]
            head = self._head[:end].lower()
            self._status = head[9:12]
            found = head.partition(b"content-length:")[2]
            self._length = int(found.split(b"\r\n", 1)[0]) if found else None
            if not data and self._length != 0:
                return
        if self._read == 0:
            self._load.results.first.append(time.perf_counter() - self._begun)
        self._read += len(data)
        self._load.results.events += data.count(b"data: ")
        if self._status != b"200":
            self._load.results.problem = (self._head[:12] + b" " + data[:300]).decode(errors="replace")
        self._tail = (self._tail + data)[-5:]
        if self._tail == b"0\r\n\r\n" if self._length is None else self._read >= self._length:
            self._over()

    def _over(self) -> None:
        self._busy = False
        if self._status == b"200":
            self._load.results.seconds.append(time.perf_counter() - self._begun)
        else:
            self._load.results.failures += 1
        self._load.free(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy:
            self._load.results.failures += 1
        self._load.lost(self)


class Load:
    """All connections."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        place = urlsplit(given.url)
        self._host, self._port = place.hostname, place.port
        self.request = request_bytes(given.url, json.loads(given.headers), given.model, stream=given.stream)
        self.results = Results()
        self._idle: deque[Connection] = deque()
        self._until = 0.0
        self._running = 0
        self._waiting: deque[float] = deque()
        """Moments at which requests should have begun that have no connection."""

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        return made

    def _ask(self, one: Connection, begun: float) -> None:
        self._running += 1
        one.ask(begun)

    def free(self, one: Connection) -> None:
        """Let a connection ask again, or wait for its turn."""
        self._running -= 1
        now = time.perf_counter()
        if self._waiting:
            self._ask(one, self._waiting.popleft())
        elif not self._given.rate and now < self._until:
            self._ask(one, now)
        else:
            self._idle.append(one)

    def lost(self, one: Connection) -> None:
        """Forget a connection; the run goes on with the others."""
        if one in self._idle:
            self._idle.remove(one)
        else:
            self._running -= 1

    async def run(self) -> dict[str, Any]:
        """Ask for so many seconds; return what was measured."""
        made = [await self._connect() for _ in range(self._given.at_once)]
        begun = time.perf_counter()
        self._until = begun + self._given.seconds
        if self._given.rate:
            self._idle.extend(made)
            await self._at_rate(begun)
        else:
            for one in made:
                self._ask(one, time.perf_counter())
        while self._running and time.perf_counter() < self._until + LATE:  # noqa: ASYNC110 - no hot path, no event
            await asyncio.sleep(0.01)
        return self.results.summary(time.perf_counter() - begun)

    async def _at_rate(self, begun: float) -> None:
        for number in range(int(self._given.seconds * self._given.rate)):
            due = begun + number / self._given.rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            if self._idle:
                self._ask(self._idle.popleft(), due)
            else:
                self._waiting.append(due)


def main() -> None:
    """Run, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("headers")
    parser.add_argument("model")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second; 0 = as fast as they are answered")
    parser.add_argument("--stream", action="store_true")
    print(json.dumps(asyncio.run(Load(parser.parse_args()).run())))


if __name__ == "__main__":
    sys.exit(main())
