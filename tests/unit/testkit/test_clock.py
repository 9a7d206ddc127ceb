"""The clock that tests turn."""

from __future__ import annotations

import anyio
import pytest

from shunpike.clock import Clock
from shunpike_testkit.clock import VirtualClock


def test_it_is_a_clock() -> None:
    assert isinstance(VirtualClock(), Clock)


async def test_sleeping_jumps_and_nothing_else_does() -> None:
    clock = VirtualClock(1_000.0)
    assert (clock.now(), clock.monotonic()) == (1_000.0, 0.0)
    await clock.sleep(86_400)
    assert (clock.now(), clock.monotonic()) == (87_400.0, 86_400.0)
    await clock.sleep(-5)
    assert clock.monotonic() == 86_400.0


async def test_sleepers_wake_in_order_each_at_its_own_time() -> None:
    clock, woken = VirtualClock(0.0), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    async def chain() -> None:
        for _ in range(3):
            await sleeper(2.5)

    async with anyio.create_task_group() as group:
        for seconds in (9.0, 1.0, 5.0, 5.0, 3.0):
            group.start_soon(sleeper, seconds)
        group.start_soon(chain)
    assert [at for _, at in woken] == [1.0, 2.5, 3.0, 5.0, 5.0, 5.0, 7.5, 9.0]


async def test_a_cancelled_sleeper_does_not_stop_the_others() -> None:
    clock = VirtualClock(0.0)
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await clock.sleep(1.0)
        group.start_soon(clock.sleep, 4.0)
    assert clock.monotonic() == 4.0


async def test_by_hand_sleepers_wait_until_time_is_advanced() -> None:
    clock, woken = VirtualClock(0.0, auto=False), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with anyio.create_task_group() as group:
        for seconds in (3.0, 1.0, 2.0):
            group.start_soon(sleeper, seconds)
        await anyio.wait_all_tasks_blocked()
        assert woken == []
        clock.advance(2.0)
        await anyio.wait_all_tasks_blocked()
        assert woken == [1.0, 2.0]
        clock.advance(10.0)
    assert woken == [1.0, 2.0, 3.0]


def test_the_wall_clock_can_be_set_back_and_the_monotonic_one_not() -> None:
    clock = VirtualClock(1_000.0)
    clock.advance(10)
    clock.set_back(3_600)
    assert (clock.now(), clock.monotonic()) == (1_010.0 - 3_600, 10.0)
    with pytest.raises(ValueError, match="does not pass backwards"):
        clock.advance(-1)
