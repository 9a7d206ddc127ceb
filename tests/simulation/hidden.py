"""The providers of a simulation: the sandbox's seven, with true limits that no catalog has.

Nothing is told of them but what the providers tell: headers and refusals. All are tighter than what our catalogs list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from shunpike_sandbox.catalog import Provider, bundled
from shunpike_sandbox.clock import SandboxClock
from shunpike_sandbox.limits import Quota, Rule, local_day
from shunpike_sandbox.money import pico
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

LOS_ANGELES = "America/Los_Angeles"
DAY = 86_400.0
POOL = "free"
"""All free models of OpenRouter together."""
CREDIT = "0.01"
"""Dollars that Hyperbolic gives, of which the catalog says that it is one."""


class TrueLimits(NamedTuple):
    """A free model and what its provider truly allows."""

    provider: str
    model: str
    minute: int
    day: int
    """Requests; 0 = no limit."""
    tokens: int = 0
    """Of prompts (Google) or of all (Groq) in a minute; 0 = no limit."""


FREE = (
    TrueLimits("google", "gemini-3.8-flash", 3, 12, 250_000),
    TrueLimits("google", "gemini-3.5-flash-lite", 8, 70, 20_000),
    TrueLimits("openrouter", "google/gemma-4-31b-it:free", 8, 30),
    TrueLimits("groq", "openai/gpt-oss-120b", 10, 60, 7_000),
    TrueLimits("groq", "groq/compound", 15, 60, 30_000),
    TrueLimits("hyperbolic", "meta-llama/Llama-3.3-70B-Instruct", 12, 0),
)
PAID = {
    "together": "openai/gpt-oss-120b",
    "openai": "gpt-6-luna",
    "deepseek": "deepseek-flash",
}
"""Who costs money from the first token on: they must never be asked."""
MODELS: Mapping[str, tuple[str, ...]] = {
    **{name: tuple(one.model for one in FREE if one.provider == name) for name in {one.provider: 0 for one in FREE}},
    **{name: (model,) for name, model in PAID.items()},
}
"""Provider → the models that its account is used for."""


def hidden_world(clock: SandboxClock, seed: int, pace: ReplyPace) -> SimulatedWorld:
    """Return a world whose limits are the true ones."""
    plain = bundled()
    providers = {name: _limited(provider) for name, provider in plain.providers.items()}
    return SimulatedWorld(clock, seed=seed, catalog=replace(plain, providers=providers), pace=pace)


def _limited(provider: Provider) -> Provider:
    rows = {row.model: row for row in FREE if row.provider == provider.id}
    models = {
        name: replace(model, quotas={**model.quotas, "free": _quotas(rows[name])}) if name in rows else model
        for name, model in provider.models.items()
    }
    credit = {**provider.credit, "free": pico(CREDIT)} if provider.id == "hyperbolic" else provider.credit
    return replace(provider, models=models, credit=credit)


def _quotas(row: TrueLimits) -> tuple[Quota, ...]:
    scope = POOL if row.provider == "openrouter" else row.model
    zone = {"google": LOS_ANGELES, "openrouter": "UTC"}.get(row.provider)
    day = Rule("rpd", "requests", zone=zone) if zone else Rule("rpd", "requests", DAY)
    unit = "input_tokens" if row.provider == "google" else "total_tokens"
    found = (
        Quota(Rule("rpm", "requests", 60.0), row.minute, scope),
        Quota(day, row.day, scope),
        Quota(Rule("tpm", unit, 60.0), row.tokens, scope),
    )
    return tuple(quota for quota in found if quota.amount)


@dataclass(frozen=True)
class FreeSupply:
    """What a provider's free limit allows in the time of a simulation, and what was used of it."""

    name: str
    allowed: int
    used: int

    @property
    def share(self) -> float:
        """The part that was used."""
        return self.used / self.allowed


def supply(world: SimulatedWorld, begin: float, end: float) -> list[FreeSupply]:
    """Return each free allowance of a day, or of a life, with what was used of it from ``begin`` to ``end``.

    A calendar's day counts for each that the time touches, a rolling one for each whole day of the time.
    """
    books = world.books()
    answered: dict[tuple[str, str], int] = {}
    for name, one in books.items():
        for row in one["attempts"]:
            if row["outcome"] != "refused":
                scope = POOL if name == "openrouter" else row["model"]
                answered[name, scope] = answered.get((name, scope), 0) + 1
    found: dict[str, FreeSupply] = {}
    for row in FREE:
        if not row.day:
            continue
        scope = POOL if row.provider == "openrouter" else row.model
        zone = {"google": LOS_ANGELES, "openrouter": "UTC"}.get(row.provider)
        days = local_day(end - 1, zone) - local_day(begin, zone) + 1 if zone else round((end - begin) / DAY)
        name = f"{row.provider}/{scope}"
        found[name] = FreeSupply(name, row.day * days, answered.get((row.provider, scope), 0))
    credit = FreeSupply("hyperbolic, µ$", pico(CREDIT) // 10**6, int(books["hyperbolic"]["credit_pico"]) // 10**6)
    return [*found.values(), credit]


class TrueRoom:
    """What the providers would have answered: who was turned away is given the place that was free, once."""

    def __init__(self, world: SimulatedWorld, keys: Mapping[str, str]) -> None:
        self._world = world
        self._keys = keys
        self._given: list[tuple[float, TrueLimits]] = []

    def find(self, prompt: int, output: int) -> TrueLimits | None:
        """Return a free model that would answer a request of this size at this moment."""
        now = self._world.clock.now()
        self._given = [(at, row) for at, row in self._given if at > now - DAY]
        return next((row for row in FREE if self._fits(row, prompt, output, now)), None)

    def give(self, row: TrueLimits) -> None:
        """Let somebody who was turned away have a place there."""
        self._given.append((self._world.clock.now(), row))

    def _fits(self, row: TrueLimits, prompt: int, output: int, now: float) -> bool:
        world = self._world
        account = world.account(row.provider, self._keys[row.provider])
        model = world.catalog.providers[row.provider].models[row.model]
        needs = {"requests": 1, "input_tokens": prompt, "total_tokens": prompt + output}
        if account.funds is not None and account.funds <= 0:
            return False
        given = sum(1 for _, other in self._given if other is row)
        readings = account.gate.readings(model.quotas["free"], now)
        return all(
            one.used + needs[one.quota.rule.unit] + (given if one.quota.rule.name == "rpd" else 0) <= one.quota.amount
            for one in readings.values()
        )
