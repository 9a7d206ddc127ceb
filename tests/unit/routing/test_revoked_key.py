"""A key that is revoked while many requests run: it is asked by those that were on their way, and by nobody after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio
from typing_extensions import override

from shunpike.clock import Clock
from shunpike.errors import AuthError
from shunpike.protocols import AdmissionRequest, Target
from shunpike.routing.breaker import KEY
from shunpike.routing.health import Health
from shunpike.routing.run import RequestRun
from shunpike.routing.trouble import TroublePlace
from shunpike.types import Cause, Denial, Grant, Verdict
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import answer

from .loop_rig import Books, rig, target

PLACE = TroublePlace("north/m", "north", "north https://north", "north key")
REFUSED = AuthError("revoked", provider="north", status=401)
NORTH, SOUTH = target("north"), target("south")


class AdmitsSlowly(Books):
    """Takes its time to admit an attempt at ``north``, in which ``meanwhile`` happens."""

    def __init__(self, clock: Clock, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._clock, self._meanwhile = clock, meanwhile

    @override
    async def admit(self, target: Target, ask: AdmissionRequest) -> Grant | Denial:
        if target.name == "north":
            await self._clock.sleep(0.02)
            self._meanwhile()
        return await super().admit(target, ask)


async def test_a_key_that_is_refused_while_an_attempt_is_admitted_is_not_asked() -> None:
    one = rig(north=answer("never"), south=answer())
    one.books = AdmitsSlowly(one.clock, lambda: one.health.learn(PLACE, REFUSED, one.clock.now()))
    one = replace(one)
    run = RequestRun.begin(one.services, one.context(NORTH, SOUTH))
    attempt = await one.loop.next(run)
    assert attempt.target is SOUTH
    assert one.backends["north"].calls == []
    (outcome,) = one.books.outcomes.values()
    assert (outcome.sent, outcome.error) == (False, "key")
    north = next(one for one in run.recorder.decision().candidates if one.provider == "north")
    assert (north.verdict, north.cause) == (Verdict.DENIED, Cause.KEY)


async def test_the_one_that_tests_a_key_is_sent() -> None:
    one = rig(north=answer())
    one.health.learn(PLACE, REFUSED, one.clock.now())
    one.clock.advance(KEY.first + 1)
    assert (await one.loop.next(RequestRun.begin(one.services, one.context(NORTH)))).target is NORTH


def test_what_began_before_a_key_was_refused_does_not_open_it() -> None:
    """Its answer may still come for minutes: each would send another request to a dead key."""
    clock = VirtualClock()
    health = Health(clock)
    began_at = clock.now()
    clock.advance(1)
    health.learn(PLACE, REFUSED, clock.now())
    clock.advance(1)
    health.answers(PLACE, began_at)
    health.succeeded(PLACE, begun=began_at)
    assert health.closed_until(PLACE) is not None
    health.succeeded(PLACE, begun=clock.now())
    assert health.closed_until(PLACE) is None


def test_the_test_of_a_key_opens_it_also_after_the_clock_was_set_back() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(PLACE, REFUSED, clock.now())
    clock.advance(KEY.first + 1)
    assert health.enter(PLACE) is None
    health.answers(PLACE, clock.now() - 86_400)
    assert health.closed_until(PLACE) is None
    assert health.refusal(PLACE) is None


async def test_of_many_that_are_admitted_at_once_few_reach_the_dead_key() -> None:
    one = rig(north=REFUSED, south=answer())
    one.books = AdmitsSlowly(one.clock, lambda: None)
    one = replace(one)
    reached: list[str] = []

    async def ask(number: int) -> None:
        await one.clock.sleep(number / 1_000)
        run = RequestRun.begin(one.services, one.context(NORTH, SOUTH, request_id=f"r{number}"))
        while (attempt := await one.loop.next(run)).target is NORTH:
            reached.append(attempt.id)
            await one.loop.ends.broke_off(run, attempt, AuthError("revoked", provider="north", status=401))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(ask, number)
    assert reached == ["r0-1"]
    assert len(one.books.running) == 50, "each runs at the other provider, nothing is held at the first"
