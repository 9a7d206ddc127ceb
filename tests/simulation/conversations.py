"""Two hundred conversations at three equal accounts with prompt caches, one of which is out of order for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Any

import anyio
import httpx
from pydantic import SecretStr
from typing_extensions import override

from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Completion, Limit, Message, ProviderSettings, Rolling, Settings, Unit
from shunpike.virtual_clock import VirtualClock
from shunpike_sandbox.app import create_app
from shunpike_sandbox.catalog import Provider, SandboxCatalog, bundled
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.limits import Quota
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

MODEL = "openai/gpt-oss-120b"
ACCOUNTS = ("one", "two", "three")
FAILING = "two"
FAILS, IS_WELL = 700.0, 1_000.0
"""Seconds from the beginning, between which that account answers 503."""
TURNS = 20
MUCH = 10**9
"""Of every limit: what is looked at here is where conversations run, not how limits are kept."""


class OutOfOrder(httpx.AsyncBaseTransport):
    """A way to an account that is out of order for a while."""

    def __init__(self, inner: InProcess, clock: VirtualClock) -> None:
        self._inner = inner
        self._clock = clock

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer 503 while it is out of order."""
        if FAILS <= self._clock.monotonic() < IS_WELL:
            return httpx.Response(503, json={"error": {"message": "Service Unavailable"}}, request=request)
        return await self._inner.handle_async_request(request)


@dataclass
class Talk:
    """A conversation, and who answered its turns."""

    number: int
    begins: float
    answered_by: list[str] = field(default_factory=list)
    prompts: list[int] = field(default_factory=list)
    """Tokens of each turn's prompt."""
    cached: list[int] = field(default_factory=list)
    """So many of them were cached."""

    @property
    def moves(self) -> list[tuple[str, str]]:
        """From where to where it moved."""
        steps = zip(self.answered_by, self.answered_by[1:], strict=False)
        return [(before, after) for before, after in steps if before != after]

    def opening(self) -> list[Message]:
        """Return what it begins with: no other begins so."""
        rules = " ".join(f"Rule {number} of talk {self.number}: sort letter {number}." for number in range(12))
        return [Message(role="system", content=rules)]


@dataclass
class TalkFigures:
    """What came of all conversations."""

    name: str
    talks: Sequence[Talk]
    counted: int
    """Tokens that the limits of the accounts counted."""

    @property
    def later_turns(self) -> int:
        """How many turns were no first ones."""
        return sum(len(one.answered_by) - 1 for one in self.talks)

    @property
    def warm(self) -> float:
        """The share of the later turns that were answered where the turn before was."""
        return 1 - sum(len(one.moves) for one in self.talks) / self.later_turns

    @property
    def cached(self) -> float:
        """The cached tokens by those that could be: all of what was asked one turn earlier."""
        possible = sum(sum(one.prompts[:-1]) for one in self.talks)
        return sum(sum(one.cached) for one in self.talks) / possible

    @property
    def counted_a_turn(self) -> float:
        """The tokens that limits counted of a turn."""
        return self.counted / (self.later_turns + len(self.talks))

    def row(self) -> str:
        """Return the row of the table."""
        moves = sum(len(one.moves) for one in self.talks)
        figures = f"{self.later_turns:>13,}{self.warm:>8.1%}{self.cached:>9.1%}{moves:>8,}{self.counted_a_turn:>16.0f}"
        return f"{self.name:10}{figures}"


HEAD = f"{'affinity':10}{'later turns':>13}{'warm':>8}{'cached':>9}{'moves':>8}{'counted a turn':>16}"


def roomy_catalog() -> SandboxCatalog:
    """Return the sandbox's catalog with limits that nothing here reaches."""
    plain = bundled()
    return replace(plain, providers={**plain.providers, "groq": _roomy(plain.providers["groq"])})


def _roomy(provider: Provider) -> Provider:
    model = provider.models[MODEL]
    quotas = tuple(Quota(one.rule, MUCH, one.scope) for one in model.quotas["free"])
    return replace(provider, models={**provider.models, MODEL: replace(model, quotas={**model.quotas, "free": quotas})})


def sections(transport: InProcess, clock: VirtualClock) -> dict[str, ProviderSettings]:
    """Return three accounts that are equal in all."""
    kinds = ((Unit.REQUEST, 60.0), (Unit.REQUEST, 86_400.0), (Unit.TOTAL_TOKEN, 60.0), (Unit.TOTAL_TOKEN, 86_400.0))
    limits = tuple(
        Limit(unit=unit, amount=MUCH, window=Rolling(seconds=seconds), overrides=True) for unit, seconds in kinds
    )
    return {
        name: ProviderSettings(
            plugin="groq",
            base_url="http://world.localhost/groq/openai/v1",
            key=SecretStr(f"sandbox-{name}"),
            account=name,
            models=(MODEL,),
            limits=limits,
            transport=OutOfOrder(transport, clock) if name == FAILING else transport,
        )
        for name in ACCOUNTS
    }


async def talk_all(name: str, *, affinity: bool, talks: int = 200, seed: int = 5) -> TalkFigures:
    """Let all conversations take place; return what came of them."""
    clock, chance = VirtualClock(1_795_334_400.0), Random(seed)
    world = SimulatedWorld(clock, seed=seed, catalog=roomy_catalog(), pace=ReplyPace(first_byte=1.0, chunk_tokens=40))
    given = sections(InProcess(create_app(world)), clock)
    settings = Settings(store="memory:", providers=given, affinity=affinity)
    known = [Talk(number, chance.uniform(0, 600)) for number in range(talks)]
    async with Client(settings, host=Host.load(), clock=clock, environ={}) as client:
        client.runtime.planner.new_id = map(f"{name}-{{}}".format, count()).__next__
        async with anyio.create_task_group() as group:
            for talk in known:
                group.start_soon(_hold, client, talk, clock, Random(seed * 1_000 + talk.number))
    books = world.books()["groq"]
    counted = books["prompt_tokens"] + books["completion_tokens"] - books["cached_tokens"]
    return TalkFigures(name, known, counted)


async def _hold(client: Client, talk: Talk, clock: VirtualClock, chance: Random) -> None:
    messages: list[Message] = talk.opening()
    await clock.sleep(talk.begins)
    for turn in range(TURNS):
        words = " ".join(chance.choices(("letter", "box", "street", "town", "stamp"), k=15))
        messages.append(Message(role="user", content=f"{turn}: {words}"))
        options: Any = {"max_tokens": 40, "reasoning_effort": "low"}
        done: Completion = await client.complete(messages, **options)
        talk.answered_by.append(done.provider)
        talk.prompts.append(done.usage.prompt_tokens)
        talk.cached.append(done.usage.cached_tokens)
        messages.append(done.message)
        await clock.sleep(chance.uniform(10, 60))
