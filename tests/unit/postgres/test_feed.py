"""What is known of a revision is never older than promised, and never goes back by what is heard late."""

from __future__ import annotations

from shunpike.storage.database import SEEN_WITHIN
from shunpike_postgres.address import Address
from shunpike_postgres.feed import Feed
from shunpike_testkit.clock import VirtualClock


def begun() -> tuple[Feed, VirtualClock]:
    clock = VirtualClock()
    clock.advance(10)
    return Feed(Address("postgresql://u@localhost/ledger"), clock), clock


def test_one_looks_in_time_and_others_go_by_what_is_known_until_it_is_too_old() -> None:
    feed, clock = begun()
    feed.tell("t", 1)
    clock.advance(SEEN_WITHIN / 4)
    assert feed.known("t") == 1
    clock.advance(SEEN_WITHIN / 2)
    assert feed.known("t") is None, "it looks"
    assert feed.known("t") == 1, "another need not meanwhile"
    clock.advance(SEEN_WITHIN / 4)
    assert feed.known("t") is None, "the look is not back, and what is known is as old as promised"


def test_an_announcement_that_is_heard_late_takes_nothing_back() -> None:
    feed, clock = begun()
    feed.tell("t", 6)
    feed.tell("t", 5)
    assert feed.known("t") == 6
    feed.tell("t", 4, clock.monotonic() - SEEN_WITHIN)
    assert feed.known("t") == 6, "that look was begun before"
    feed.tell("t", 7, clock.monotonic() - SEEN_WITHIN)
    assert feed.known("t") == 7
    clock.advance(SEEN_WITHIN)
    feed.tell("t", 2, clock.monotonic())
    assert feed.known("t") == 2, "a newer look tells what is there, as after a backup was restored"
