"""C0: many requests at once at seven providers, of which three attempts in ten go wrong in every way there is."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio
from pydantic import SecretStr

from shunpike.client import Client
from shunpike.errors import Interrupted, ShunpikeError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.types import (
    AttemptSettled,
    Budget,
    Event,
    Limit,
    Money,
    ProviderSettings,
    Rolling,
    Settings,
    Timeouts,
    Unit,
)
from shunpike.virtual_clock import VirtualClock
from shunpike_sandbox import faults
from shunpike_sandbox.app import create_app
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS, PROVIDERS
from shunpike_sandbox.unreachable import Unreachable
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

BEGIN = 1_795_334_400.0
AT_ONCE = 200
PATIENCE = 180.0
"""Seconds that a person waits for an answer."""
ASKS = 3
"""How often a stream is asked for that breaks off after its first content: only its caller may ask anew."""
KINDS = (
    faults.RATE_LIMITED,
    faults.RESET_ALONE,
    faults.INTERNAL,
    faults.OVERLOADED,
    faults.HTML,
    faults.HANGUP,
    faults.CUT,
    faults.STALL,
    faults.DRIP,
    faults.UNFINISHED,
    faults.HALF_JSON,
    faults.GARBLED,
    faults.SPLIT,
    faults.STREAM_ERROR,
    faults.PAGE,
    faults.LOST,
    faults.NO_USAGE,
    faults.ZERO_USAGE,
    faults.TWICE,
    faults.WRONG_LENGTH,
    faults.BOMB,
)
"""What the sandbox does wrong. Refused connections and unknown names are `Unreachable`'s; a key is revoked as well."""
RATE, UNREACHABLE = 0.28, 0.03
"""Together three attempts in ten."""
PAID = ("together", "openai", "deepseek")
MODELS = {
    "google": ("gemini-3.5-flash-lite", "gemma-4-31b-it", "gemma-4-26b-a4b-it"),
    "groq": ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "groq/compound"),
    "openrouter": ("google/gemma-4-31b-it:free",),
    "hyperbolic": ("meta-llama/Llama-3.3-70B-Instruct",),
    "together": ("openai/gpt-oss-120b", "Qwen/Qwen3.5-9B"),
    "openai": ("gpt-6-luna", "gpt-5.6-luna"),
    "deepseek": ("deepseek-flash",),
}
REVOKED, REVOKED_AFTER = "groq", 0.4
"""Whose key is revoked, and after which share of the requests."""
_VERSIONS = {"google": "/v1beta"}
_OWN = {"together": (Limit(unit=Unit.REQUEST, amount=10, window=Rolling(seconds=1.0)),)}
"""What its owner knows: Together publishes no limits, and two hundred may come before its first header does."""
_TEXT = "Schöne Grüße aus Köln: “ein Weg, 蝶 und Zoll”. "


class SettledBook:
    """A plugin that keeps what the ledger told to have booked."""

    def __init__(self) -> None:
        self.rows: dict[str, list[AttemptSettled]] = {}

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        """Keep settlements by attempt."""
        if isinstance(event, AttemptSettled):
            self.rows.setdefault(event.attempt_id, []).append(event)


@dataclass
class ChaosFigures:
    """What came of a soak."""

    asked: int = 0
    answered: int = 0
    interrupted: int = 0
    """Streams that broke off after their first content."""
    errors: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    """Requests that ended in neither an answer nor an error of ours."""
    sent: int = 0
    unreachable: int = 0
    overages: int = 0
    doubled: int = 0
    """Attempts that were settled twice."""
    unknown: int = 0
    """Attempts that a provider saw and the ledger did not."""
    under_booked: int = 0
    """Attempts that were booked below their bill."""
    unequal: int = 0
    """Attempts with a known end that were not booked at their bill."""
    billed_pico: int = 0
    booked_pico: int = 0
    """By what was told of each settlement."""
    ledger_pico: int = 0
    """By the ledger's own totals, granted credit included."""
    held: int = 0
    slowest: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def attempts_per_request(self) -> float:
        """Everything that was tried, by what was asked."""
        return (self.sent + self.unreachable) / self.asked


class Soak:
    """One run: its world, its client, and what is counted."""

    def __init__(self, requests: int, seed: int) -> None:
        self.requests = requests
        self.clock = VirtualClock(BEGIN)
        self.chance = Random(seed)
        self.figures = ChaosFigures()
        self.book = SettledBook()
        trouble = Faults(rate=RATE, kinds=KINDS, seconds=20.0)
        self.world = SimulatedWorld(
            self.clock, seed=seed, faults=trouble, pace=ReplyPace(first_byte=1.0, between_chunks=0.05, chunk_tokens=12)
        )
        self.way = Unreachable(InProcess(create_app(self.world)), rate=UNREACHABLE, seed=seed)
        host = Host.load()
        host.register(self.book, "settled_book")
        settings = Settings(
            store="memory:",
            allow_paid=True,
            budgets=(Budget(amount=Money.usd("50"), period="lifetime"),),
            providers=dict(map(self._section, PROVIDERS)),
        )
        self.client = Client(settings, host=host, clock=self.clock, environ={})

    def _section(self, name: str) -> tuple[str, ProviderSettings]:
        return name, ProviderSettings(
            base_url=f"http://world.localhost{BASE_PATHS[name]}{_VERSIONS.get(name, '')}",
            key=SecretStr(f"sandbox-{'paid-' if name in PAID else ''}{name}"),
            models=MODELS[name],
            timeouts=Timeouts(connect=5.0, first_token=12.0, idle=8.0, total=60.0),
            options={"send_attempt_id": True},
            limits=_OWN.get(name, ()),
            transport=self.way,
        )

    async def run(self) -> ChaosFigures:
        """Ask everything, so many at once; return the figures."""
        began, room = time.process_time(), anyio.Semaphore(AT_ONCE)
        async with self.client:
            async with anyio.create_task_group() as group:
                for number in range(self.requests):
                    await room.acquire()
                    await self.clock.sleep(self.chance.expovariate(60.0))
                    if number == int(self.requests * REVOKED_AFTER):
                        self.world.revoke(REVOKED, f"sandbox-{REVOKED}")
                    group.start_soon(self._one, number, room)
            usage = await self.client.usage(0.0, 1e12)
        self.figures.held = sum(row.held for row in usage)
        self.figures.ledger_pico = sum(row.cost.pico + row.credit.pico for row in usage)
        self._compare()
        self.figures.cpu_seconds = time.process_time() - began
        return self.figures

    async def _one(self, number: int, room: anyio.Semaphore) -> None:
        prompt = f"{_TEXT} Tell me about number {number}. " + _TEXT * self.chance.randint(0, 6)
        begun, how = self.clock.monotonic(), "lost"
        try:
            how = await self._asked(number, prompt, streamed=number % 2 == 0)
        except ShunpikeError as error:
            how = type(error).__name__
        finally:
            room.release()
            self.figures.asked += 1
            self.figures.answered += how == "answered"
            self.figures.lost += how == "lost"
            if how not in ("answered", "lost"):
                self.figures.errors[how] += 1
            self.figures.slowest = max(self.figures.slowest, self.clock.monotonic() - begun)

    async def _asked(self, number: int, prompt: str, *, streamed: bool) -> str:
        options: Any = {"max_tokens": 200, "timeout": PATIENCE}
        if not streamed:
            return (
                "answered"
                if (await self.client.complete(prompt, request_id=f"whole-{number}", **options)).text
                else "empty"
            )
        for left in reversed(range(ASKS)):
            try:
                name = f"stream-{number}-{left}"
                async with self.client.stream(prompt, request_id=name, **options) as stream:
                    text = "".join([chunk.text async for chunk in stream])
            except Interrupted:
                self.figures.interrupted += 1
                if not left:
                    raise
            else:
                break
        return "answered" if text else "empty"

    def _compare(self) -> None:
        """Hold the providers' books against ours, attempt by attempt."""
        figures = self.figures
        figures.unreachable = self.way.failed
        figures.doubled = sum(len(rows) > 1 for rows in self.book.rows.values())
        figures.booked_pico = sum(row.cost.pico for rows in self.book.rows.values() for row in rows)
        for one in self.world.books().values():
            figures.sent += one["requests"]
            figures.overages += one["overages"]
            figures.billed_pico += one["billed_pico"] + one["credit_pico"]
            for seen in one["attempts"]:
                self._compare_one(seen["attempt_id"], seen["billed_pico"] + seen["credit_pico"])

    def _compare_one(self, attempt_id: str | None, bill: int) -> None:
        rows = self.book.rows.get(attempt_id or "", [])
        self.figures.unknown += not rows
        for row in rows:
            self.figures.under_booked += bill > row.cost.pico
            known_end = row.state == "released" or (row.state == "settled" and row.outcome == "ok")
            self.figures.unequal += known_end and bill != row.cost.pico
