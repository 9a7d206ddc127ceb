"""The clock that is turned: sleeps, timeouts, and what is outside of it."""

from __future__ import annotations

import threading
import time
from functools import partial

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from shunpike.clock import Clock, SystemClock
from shunpike.virtual_clock import VirtualClock


@pytest.mark.parametrize("kind", [SystemClock, VirtualClock])
def test_both_clocks_are_clocks(kind: type[Clock]) -> None:
    assert isinstance(kind(), Clock)


async def test_what_waits_for_ever_is_ended_after_its_virtual_time() -> None:
    clock, began = VirtualClock(0.0), time.monotonic()
    with pytest.raises(TimeoutError):
        with clock.fail_after(30):
            await anyio.sleep_forever()
    assert (clock.monotonic(), time.monotonic() - began < 5) == (30.0, True)
    with clock.move_on_after(7) as scope:
        await anyio.sleep_forever()
    assert (clock.monotonic(), scope.cancelled_caught) == (37.0, True)


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock(0.0)])
async def test_what_is_done_in_time_is_not_ended(clock: Clock) -> None:
    with clock.fail_after(60):
        await clock.sleep(0.001)
    with clock.move_on_after(60) as scope:
        await clock.sleep(0.001)
    assert not scope.cancelled_caught
    with pytest.raises(ValueError, match="mine"), clock.fail_after(60):
        raise ValueError("mine")


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock(0.0)])
async def test_no_time_at_all_ends_the_first_wait(clock: Clock) -> None:
    for seconds in (0.0, -1.0):
        with pytest.raises(TimeoutError), clock.fail_after(seconds):
            await anyio.sleep_forever()


async def test_of_two_timeouts_the_nearer_ends_first_and_the_other_is_told_nothing() -> None:
    clock = VirtualClock(0.0)
    with clock.fail_after(10):
        with pytest.raises(TimeoutError), clock.fail_after(5):
            await clock.sleep(60)
        await clock.sleep(4)
    assert clock.monotonic() == 9.0


async def test_a_shielded_timeout_bounds_what_a_cancelled_task_still_does() -> None:
    clock, done = VirtualClock(0.0), []
    with anyio.CancelScope() as scope:
        try:
            scope.cancel()
            await anyio.sleep_forever()
        finally:
            with clock.move_on_after(3, shield=True):
                await clock.sleep(1)
                done.append(clock.monotonic())
                await anyio.sleep_forever()
    assert (done, clock.monotonic()) == ([1.0], 3.0)


async def test_time_stands_still_while_a_thread_works() -> None:
    clock = VirtualClock(0.0)
    with clock.fail_after(1):
        with clock.outside():
            await anyio.to_thread.run_sync(partial(time.sleep, 0.05))
        assert clock.monotonic() == 0.0
        await clock.sleep(0.5)
    assert clock.monotonic() == 0.5


async def test_sleepers_of_other_tasks_wait_while_one_is_outside() -> None:
    clock, woken = VirtualClock(0.0), anyio.Event()

    async def sleeper() -> None:
        await clock.sleep(100)
        woken.set()

    async with anyio.create_task_group() as group:
        group.start_soon(sleeper)
        with clock.outside():
            await anyio.to_thread.run_sync(partial(time.sleep, 0.05))
            assert not woken.is_set()
        await woken.wait()
    assert clock.monotonic() == 100.0


async def test_time_can_be_advanced_from_another_thread() -> None:
    clock = VirtualClock(0.0, auto=False)
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, 60)
        await anyio.wait_all_tasks_blocked()
        threading.Thread(target=clock.advance, args=(60,)).start()
    assert clock.monotonic() == 60.0


async def test_by_hand_a_timeout_ends_when_time_is_advanced() -> None:
    clock = VirtualClock(0.0, auto=False)
    ended: list[str] = []

    async def waits(name: str, seconds: float) -> None:
        with clock.move_on_after(seconds):
            await anyio.sleep_forever()
        ended.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(waits, "first", 5)
        group.start_soon(waits, "second", 10)
        await anyio.wait_all_tasks_blocked()
        clock.advance(5)
        await anyio.wait_all_tasks_blocked()
        assert ended == ["first"]
        clock.advance(5)
    assert ended == ["first", "second"]


def test_one_clock_serves_one_loop_after_another() -> None:
    clock = VirtualClock(0.0)
    for turn in range(1, 4):
        anyio.run(clock.sleep, 10)
        assert clock.monotonic() == 10.0 * turn


async def test_many_timeouts_that_did_not_end_leave_nothing_behind() -> None:
    clock = VirtualClock(0.0)
    for _ in range(5_000):
        with clock.fail_after(3_600):
            pass
    assert len(clock._timers) < 200
