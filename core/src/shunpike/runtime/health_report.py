"""How every provider does: what of it is closed or failing and since when, what it answered, how much it is sent.

What is closed and how often it answered is of all processes that share the ledger; how many calls it bears at a time
and what is shed are what this process found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal

from shunpike.ledger.buckets import account_of
from shunpike.routing.breaker import FAILURES
from shunpike.routing.trouble import TroubleScope
from shunpike.runtime.blocks import of_keys_in_use
from shunpike.runtime.runtime import Runtime
from shunpike.types import Block, Speed, UsageRow
from shunpike.types.base import Moment, Record
from shunpike.types.trouble import place_in_trouble

LATELY = 600.0
"""Seconds of which it is told how many calls were answered."""

TYPICAL = 1_000
"""Tokens of the prompt that speeds are told for."""
LOOK = 2.0
"""Seconds that a look at what other processes saw may take; without it the report tells what this one saw."""

HealthState = Literal["open", "half-open", "closed"]
"""Whether it is asked: ``half-open`` = its time has come, and one request may test it, or does."""
_STATES: tuple[HealthState, ...] = ("open", "half-open", "closed")


class PlaceHealth(Record):
    """What a failure or a limit closed, or fails too seldom as yet to be closed."""

    scope: str
    """``model``, ``account``, ``origin`` or ``key`` in trouble; else what of the ledger's limits and gates it is."""
    name: str
    """Its bucket, which ``shunpike limits clear`` takes."""
    state: HealthState
    kind: str
    """The kind of the last failure, empty where a limit closed it."""
    reason: str
    failures: int
    """How many in a row; 0 = a limit closed it, or a bill."""
    closes_at_failures: int = FAILURES
    since: Moment
    opens_at: Moment | None
    """When it is asked again; None where it is now, or where only a person opens it."""


class AccountHealth(Record):
    """One provider, or section, as it does now."""

    provider: str
    state: HealthState
    """Of what concerns all of it; a single model or limit that is closed does not close the others."""
    places: tuple[PlaceHealth, ...] = ()
    requests: int = 0
    """Attempts that began within the last ten minutes and have ended."""
    answered: int = 0
    concurrency: int | None = None
    """How many calls at a time this process thinks it bears; None = it has not asked it."""
    refused_with: int | None = None
    """With how many at a time it was refused for that, where it was."""
    shed: Mapping[str, float] = {}
    """Model → the part of the calls that is shed now."""

    speed_streamed: Mapping[str, Speed] = {}
    """Model → how fast this process saw it answer a prompt of `TYPICAL` tokens, as a stream."""
    speed_whole: Mapping[str, Speed] = {}

    @property
    def success(self) -> float | None:
        """The part of the ended attempts that was answered, None where there were none."""
        return self.answered / self.requests if self.requests else None


async def health_of(runtime: Runtime) -> tuple[AccountHealth, ...]:
    """Return how each account does that could be asked. Raises `StoreError`."""
    await runtime.obey()
    await runtime.planner.recall.refresh(LOOK)
    now, accounts = runtime.clock.now(), runtime.snapshot.accounts
    closed = of_keys_in_use(await runtime.ledger.closed(), accounts)
    usage = await runtime.ledger.usage(now - LATELY, now + 1.0)
    owners = {target.name: account_of(target) for target in runtime.targets.targets}
    found = []
    for name, account in accounts.items():
        if account.problem is not None:
            continue
        its = {name, account.info.id} if account.info.id == name else {name}
        places = [_place(one, now) for one in closed.values() if _is_of(one, its, owners.get(name))]
        capacity = runtime.health.capacity.of(name)
        found.append(
            AccountHealth(
                provider=name,
                state=_worst(one.state for one in places if _closes_all(one)),
                places=tuple(sorted(places, key=lambda one: (one.scope, one.name))),
                concurrency=capacity.concurrency,
                refused_with=capacity.refused_with,
                shed=capacity.shed,
                speed_streamed=_speeds(runtime, name, now, stream=True),
                speed_whole=_speeds(runtime, name, now, stream=False),
                **_lately(usage, name),
            )
        )
    return tuple(found)


def _is_of(block: Block, names: set[str], owner: str | None) -> bool:
    place = place_in_trouble(block.bucket)
    if place is not None:
        return place[0] in names
    return owner is not None and block.bucket.startswith(f"{owner}|")


def _place(block: Block, now: float) -> PlaceHealth:
    place = place_in_trouble(block.bucket)
    asked = block.until if block.test_at is None else min(block.test_at, block.until)
    state: HealthState = "closed" if asked > now else "half-open"
    if place is not None and block.test_at is not None and block.test_at <= block.at:
        state = "open"  # Fewer failures in a row than close it are only counted.
    return PlaceHealth(
        scope=" ".join(block.bucket.split("|")[1:]) if place is None else place[1],
        name=block.bucket,
        state=state,
        kind=block.kind,
        reason=block.reason,
        failures=block.failures,
        since=block.at,
        opens_at=asked if asked > now and not block.is_freeze else None,
    )


def _closes_all(place: PlaceHealth) -> bool:
    if place.failures:
        return place.scope != TroubleScope.MODEL
    return place.scope in ("account gate", "key gate")


def _worst(states: Iterable[HealthState]) -> HealthState:
    return max(states, key=_STATES.index, default="open")


def _speeds(runtime: Runtime, name: str, now: float, *, stream: bool) -> dict[str, Speed]:
    of = partial(runtime.performance.speeds.of, stream=stream, prompt_tokens=TYPICAL, now=now)
    seen = {one.model.id: of(one.label) for one in runtime.targets.targets if one.name == name}
    return {model: speed for model, speed in seen.items() if speed is not None}


def _lately(usage: Iterable[UsageRow], name: str) -> dict[str, int]:
    rows = [row for row in usage if row.provider == name]
    ended = sum(row.requests - row.held for row in rows)
    return {"requests": ended, "answered": sum(row.answered for row in rows)}
