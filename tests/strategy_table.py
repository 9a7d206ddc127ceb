"""What each strategy asks first for ten telling requests: over the catalogs, with speeds that are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from shunpike.builtin.strategies import OWN_STRATEGIES
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.protocols import Target, TargetState, View
from shunpike.routing.blaming import NamedStrategy
from shunpike.routing.candidates import Allowed, CandidateIndex, Demand
from shunpike.routing.states import states_of
from shunpike.types import Calendar, ChatRequest, Remaining, Rolling, Settings, Speed
from shunpike.virtual_clock import VirtualClock

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
KEY = "a-key-that-nobody-has"
SPEEDS = {
    "google": (0.5, 120),
    "groq": (1.2, 450),
    "openrouter": (2.5, 60),
    "together": (0.6, 120),
    "openai": (0.7, 90),
}
"""Provider → seconds to the first token, and tokens a second, as forty answers showed; others were never asked."""
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TOOL = {"type": "function", "function": {"name": "look_up"}}


def untouched(_target: Target, state: TargetState) -> TargetState:
    return state


def used(share: float, *providers: str) -> Callable[[Target, TargetState], TargetState]:
    """Use ``share`` of each day's free quota of ``providers``, of all where none is named."""

    def use(target: Target, state: TargetState) -> TargetState:
        if target.paid or (providers and target.name not in providers):
            return state
        gone = share == 1.0
        remaining = tuple(_used(one, share) for one in state.remaining)
        return state.model_copy(
            update={"remaining": remaining, "blocked_until": NOW + 43_200 if gone else state.blocked_until}
        )

    return use


def _used(one: Remaining, share: float) -> Remaining:
    daily = isinstance(one.limit.window, Calendar) or one.limit.window == Rolling(seconds=86_400)
    taken = int(one.limit.amount * share) if daily else one.used
    return one.model_copy(update={"used": taken, "left": one.limit.amount - taken})


@dataclass(frozen=True)
class Telling:
    """A request, and what is known when it comes."""

    title: str
    prompt_tokens: int = 40
    output: int = 250
    difficulty: float = 0.5
    fields: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Target, TargetState], TargetState] = untouched
    down: tuple[str, ...] = ()


TEN = (
    Telling("a short question, nothing is used yet"),
    Telling("a title of ten tokens", output=10, difficulty=0.05),
    Telling("a hard one with an answer of 4,000 tokens", output=4_000, difficulty=0.95),
    Telling("a document of 150,000 tokens", 150_000),
    Telling("what is in this picture?", fields={"messages": [{"role": "user", "content": [PICTURE]}]}),
    Telling("with tools, half of Google's day is used", fields={"tools": [TOOL]}, change=used(0.5, "google")),
    Telling("while Groq is down", down=("groq",)),
    Telling("Google's day is used up", change=used(1.0, "google")),
    Telling("all that is free is used up", change=used(1.0)),
    Telling("the same, a document of 300,000 tokens", 300_000, change=used(1.0)),
)


async def strategy_table() -> str:
    """Return the table: for each request and strategy the first target that is open."""
    host = Host.load(("sandbox", "otel"))
    keys = {info.env_key: KEY for info in host.providers() if info.env_key}
    settings = Settings.model_validate(
        {"store": "memory:", "allow_paid": True, "budgets": [{"amount": "5.00", "period": "day"}]}
    )
    head = ("request", *(f"`{name}`" for name in OWN_STRATEGIES))
    rows: list[Sequence[str]] = [head, ("---",) * len(head)]
    async with Client(settings, host=host, clock=VirtualClock(NOW), environ=keys) as client:
        for telling in TEN:
            rows.append((telling.title, *[f"`{label}`" for label in await _first(client, telling)]))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


async def _first(client: Client, telling: Telling) -> list[str]:
    snapshot = client.runtime.snapshot
    request = ChatRequest.model_validate({"messages": "a prompt", **telling.fields})
    view = View(
        now=NOW,
        prompt_tokens=telling.prompt_tokens,
        max_output=telling.output,
        expected_output=telling.output,
        difficulty=telling.difficulty,
    )
    demand = Demand.of_chat(request.needs, telling.prompt_tokens, telling.output)
    candidates = CandidateIndex(snapshot.targets).find("auto", demand, Allowed(allow_paid=True), NOW).eligible
    known = await states_of(candidates, snapshot.services, request, view, None, client.clock.monotonic() + 60)
    states = {one.label: telling.change(one, _seen(one, known[one.label])) for one in candidates}
    blocked = {one.label: NOW + 60 for one in candidates if one.name in telling.down}
    view = replace(view, states=states, blocked_until=blocked)
    found = []
    for make in OWN_STRATEGIES.values():
        ranked = NamedStrategy(make({}), "builtin").rank(candidates, request, view)
        shut = {label for label, state in states.items() if (state.blocked_until or 0.0) > NOW} | set(blocked)
        found.append(next(one.target.label for one in ranked if one.target.label not in shut))
    return found


def _seen(target: Target, state: TargetState) -> TargetState:
    if target.name not in SPEEDS:
        return state
    first, rate = SPEEDS[target.name]
    return state.model_copy(update={"speed": Speed(samples=40.0, first_token=first, tokens_per_second=rate)})
