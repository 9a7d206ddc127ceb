"""Plays the demo: a world of simulated providers, a client that believes in them, and a few hundred requests."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import anyio
from pydantic import SecretStr

from shunpike.cli.demo_progress import Watcher
from shunpike.cli.demo_requests import DemoRequest, samples
from shunpike.client import Client, ProviderStatus
from shunpike.clock import SystemClock
from shunpike.errors import Exhausted, ShunpikeError
from shunpike.plugins import Host
from shunpike.protocols import BookRow, Endpoint, World
from shunpike.types import Budget, Completion, Money, ProviderSettings, Settings, UsageRow
from shunpike.types.base import Record

PLAY_MONEY = "0.02"
"""Dollars that each provider without a free tier may cost: enough for a few dozen short answers."""
_GREETING = "Say hello, and name the road that avoids a toll."
_GREETING_TRIES = 3


class DemoPlan(Record):
    """What to play. ``faults`` is the share of requests that is made to fail."""

    requests: int
    seed: int
    concurrency: int
    faults: float


class Result(Record):
    """What came of it: our ledger, the providers' own books, and the requests by their end."""

    plan: DemoPlan
    seconds: float
    answered: int
    kinds: dict[str, int]
    failures: dict[str, int]
    """How requests ended that nobody answered: the error's name and their number."""
    fallovers: dict[str, int]
    """Provider → attempts that failed there."""
    silent: tuple[str, ...]
    """Providers that never answered, not even when asked by name."""
    ledger: tuple[UsageRow, ...]
    books: tuple[BookRow, ...]
    statuses: tuple[ProviderStatus, ...]
    differences: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether the ledger equals the books and every provider answered."""
        return not self.differences and not self.silent


class _Tally:
    """Counts ends while the requests run."""

    def __init__(self, total: int, progress: Watcher) -> None:
        self._total = total
        self._progress = progress
        self.done = 0
        self.answered: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.fallovers: Counter[str] = Counter()

    def count(self, kind: str, completion: Completion) -> None:
        self.answered[completion.provider] += 1
        self.kinds[kind] += 1
        self.fallovers.update(attempt.provider for attempt in completion.attempts if attempt.error is not None)

    def fail(self, error: ShunpikeError) -> None:
        self.failures[type(error).__name__] += 1
        if isinstance(error, Exhausted):
            attempts = error.decision.attempts
            self.fallovers.update(attempt.provider for attempt in attempts if attempt.error is not None)

    def step(self) -> None:
        self.done += 1
        many = "" if len(self.answered) == 1 else "s"
        self._progress.update(
            self.done,
            f"{self.answered.total()} answered by {len(self.answered)} provider{many}, "
            f"{self.fallovers.total()} fall-overs, {self.failures.total()} unanswered",
        )


async def play(plan: DemoPlan, host: Host, world: World, progress: Watcher) -> Result:
    """Play the demo to its end and compare the books."""
    clock = SystemClock()
    started_mono, began_at = clock.monotonic(), clock.now()
    endpoints = await world.start()
    try:
        with tempfile.TemporaryDirectory(prefix="shunpike-demo-") as folder:
            settings = demo_settings(host, endpoints, Path(folder) / "ledger.db")
            async with Client(settings, host=host, environ={}) as client:
                tally = _Tally(plan.requests, progress)
                world.set_faults(plan.faults, plan.seed)
                await _send_all(client, plan, tally)
                world.set_faults(0.0, plan.seed)
                silent = await _greet(client, [name for name in endpoints if name in settings.providers], tally)
                ledger = await client.usage(began_at - 1, clock.now() + 1)
                statuses = await client.status()
                books = tuple(row for row in world.books() if row.provider in settings.providers)
    finally:
        with anyio.CancelScope(shield=True):
            await world.aclose()
    return Result(
        plan=plan,
        seconds=clock.monotonic() - started_mono,
        answered=tally.answered.total(),
        kinds=dict(tally.kinds),
        failures=dict(tally.failures),
        fallovers=dict(tally.fallovers),
        silent=tuple(silent),
        ledger=ledger,
        books=books,
        statuses=tuple(row for row in statuses if row.name in endpoints),
        differences=tuple(differences(ledger, books)),
    )


def demo_settings(host: Host, endpoints: Mapping[str, Endpoint], ledger: Path) -> Settings:
    """Return settings in which every installed provider that the world has is found there, and no other is on."""
    sections: dict[str, ProviderSettings] = {}
    for info in host.providers():
        endpoint = endpoints.get(info.id)
        if endpoint is None:
            sections[info.id] = ProviderSettings(enabled=False)
            continue
        sections[info.id] = ProviderSettings(
            base_url=endpoint.base_url,
            key=SecretStr(endpoint.key),
            # The world writes the attempt's id into its books, so that a difference can be traced.
            options={"send_attempt_id": True},
        )
    budgets = tuple(Budget(amount=Money.usd(PLAY_MONEY), period="lifetime", provider=name) for name in sections)
    return Settings(store=f"sqlite:{ledger}", allow_paid=True, budgets=budgets, providers=sections)


async def _send_all(client: Client, plan: DemoPlan, tally: _Tally) -> None:
    limiter = anyio.CapacityLimiter(plan.concurrency)

    async def one(sample: DemoRequest) -> None:
        async with limiter:
            await _send(client, sample, tally)
            tally.step()

    async with anyio.create_task_group() as group:
        for sample in samples(plan.requests, plan.seed):
            group.start_soon(one, sample)


async def _send(client: Client, sample: DemoRequest, tally: _Tally) -> None:
    try:
        if sample.stream:
            async with client.stream(sample.prompt, **sample.options) as stream:
                async for _ in stream:
                    pass
            tally.count(sample.kind, stream.completion)
        else:
            tally.count(sample.kind, await client.complete(sample.prompt, **sample.options))
    except ShunpikeError as error:
        tally.fail(error)


async def _greet(client: Client, names: list[str], tally: _Tally) -> list[str]:
    """Ask each provider that has not answered yet by name; return those that still do not."""
    for name in names:
        for _ in range(_GREETING_TRIES):
            if tally.answered[name]:
                break
            try:
                done = await client.complete(_GREETING, providers=(name,), max_tokens=32, timeout=20.0)
                tally.count("by name", done)
            except ShunpikeError as error:
                tally.fail(error)
    return [name for name in names if not tally.answered[name]]


def differences(ledger: tuple[UsageRow, ...], books: tuple[BookRow, ...]) -> list[str]:
    """Return a sentence for each figure in which our ledger and a provider's own books differ."""
    found = []
    for theirs in books:
        ours = [row for row in ledger if row.provider == theirs.provider]
        for what, mine, its in _pairs(ours, theirs):
            if mine != its:
                found.append(f"{theirs.provider}: {what}: the ledger says {mine}, the provider {its}")
    return found


def _pairs(ours: list[UsageRow], theirs: BookRow) -> list[tuple[str, object, object]]:
    return [
        ("attempts", sum(row.requests for row in ours), theirs.received),
        ("answered", sum(row.answered for row in ours), theirs.answered),
        ("prompt tokens", sum(row.prompt_tokens for row in ours), theirs.prompt_tokens),
        ("completion tokens", sum(row.completion_tokens for row in ours), theirs.completion_tokens),
        ("billed", sum((row.cost for row in ours), Money()), theirs.billed),
        ("credit", sum((row.credit for row in ours), Money()), theirs.credit),
    ]
