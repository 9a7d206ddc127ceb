"""What could not be written is tried again after growing times, in its order, until it is."""

from __future__ import annotations

from shunpike.storage.backlog import LONGEST_WAIT, ROOM, Backlog
from shunpike_testkit.clock import VirtualClock


def test_the_time_between_two_tries_grows_to_half_a_minute() -> None:
    clock = VirtualClock(auto=False)
    backlog, waits = Backlog[str](clock.monotonic), []
    backlog.keep(["a", "b"])
    for _ in range(12):
        assert backlog.due(9) == [], "it is not time yet"
        wait = backlog.seconds()
        assert wait is not None
        waits.append(round(wait, 3))
        clock.advance(wait)
        backlog.tried(backlog.due(9), any_done=False)
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == LONGEST_WAIT
    backlog.hurry()
    assert backlog.due(9) == ["a", "b"]
    backlog.tried([], any_done=True)
    assert backlog.seconds() is None
    backlog.keep(["c"])
    assert round(backlog.seconds() or 0.0, 3) == 0.1, "after all was written it begins anew"


def test_what_failed_once_more_stays_before_what_came_later() -> None:
    clock = VirtualClock(auto=False)
    backlog = Backlog[int](clock.monotonic)
    backlog.keep(range(5))
    backlog.hurry()
    first = backlog.due(3)
    backlog.keep([5])
    backlog.tried(first[1:], any_done=True)
    assert backlog.due(9) == [1, 2, 3, 4, 5]


def test_it_is_bounded() -> None:
    backlog = Backlog[int]()
    backlog.keep(range(ROOM + 7))
    assert len(backlog) == ROOM
