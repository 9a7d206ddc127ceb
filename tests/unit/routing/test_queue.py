"""The lines before full limits: whose turn it is, whoever comes and goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shunpike.types import Denial, DenialCause
from shunpike.waiting import Place, Queue, Waiter
from shunpike_testkit.targets import limit

BUCKETS = ("a", "b", "c")


def denials(*buckets: str) -> dict[str, Denial]:
    return {bucket: Denial(cause=DenialCause.FULL, limit=limit(1), bucket=bucket, retry_at=1.0) for bucket in buckets}


def test_persons_come_before_batches_and_each_in_the_order_of_arrival() -> None:
    queue = Queue()
    batch, first, second = queue.arrive("batch"), queue.arrive("interactive"), queue.arrive("interactive")
    for waiter in (batch, second, first):
        queue.stand(waiter, denials("a"))
    turns = []
    for _ in range(3):
        turns.append(next(one for one in (batch, first, second) if one.lines and queue.is_first(one, "a")))
        queue.leave(turns[-1])
    assert turns == [first, second, batch]


def test_who_comes_later_stands_behind_unless_its_priority_is_better() -> None:
    queue = Queue()
    queue.stand(queue.arrive("batch"), denials("a"))
    later, person = queue.arrive("batch"), queue.arrive("interactive")
    assert queue.ahead(later.place, ["b", "a"]) == (1, denials("a")["a"])
    assert queue.ahead(later.place, ["b"]) is None
    assert queue.ahead(person.place, ["a"]) is None


def test_what_comes_back_wakes_only_the_first_of_its_line() -> None:
    queue = Queue()
    one, two, other = (queue.arrive("interactive") for _ in range(3))
    queue.stand(one, denials("a"))
    queue.stand(two, denials("a"))
    queue.stand(other, denials("b"))
    queue.asked("ran", {"a": 1, "c": 0})
    queue.began("ran")
    queue.ended("ran")
    assert [waiter.turn.is_set() for waiter in (one, two, other)] == [True, False, False]
    assert (one.look(), one.turn.is_set()) == ({"a"}, False)
    queue.leave(one)
    assert two.look() == {"a"}, "whoever leaves wakes the next"


def test_closing_wakes_everybody() -> None:
    queue = Queue()
    waiters = [queue.arrive("interactive") for _ in range(3)]
    for waiter in waiters:
        queue.stand(waiter, denials("a"))
    queue.close()
    assert queue.closed
    assert all(waiter.turn.is_set() for waiter in waiters)


@dataclass
class Model:
    """What a line has to be: sorted by priority, then by arrival."""

    standing: dict[Waiter, set[str]] = field(default_factory=dict)

    def line(self, bucket: str) -> list[Waiter]:
        found = [waiter for waiter, buckets in self.standing.items() if bucket in buckets]
        return sorted(found, key=lambda waiter: waiter.place)


class QueueMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, nobody who is first is left asleep by what changed."""

    def __init__(self) -> None:
        super().__init__()
        self.queue, self.model = Queue(), Model()

    @rule(priority=st.sampled_from(["interactive", "batch"]), buckets=st.sets(st.sampled_from(BUCKETS)))
    def comes(self, priority: str, buckets: set[str]) -> None:
        waiter = self.queue.arrive("batch" if priority == "batch" else "interactive")
        for bucket in buckets:
            earlier = [one for one in self.model.line(bucket) if one.place < waiter.place]
            found = self.queue.ahead(waiter.place, [bucket])
            assert (found[0] if found else 0) == len(earlier)
        self._stand(waiter, buckets)

    @precondition(lambda self: self.model.standing)
    @rule(data=st.data(), buckets=st.sets(st.sampled_from(BUCKETS)))
    def looks_again(self, data: st.DataObject, buckets: set[str]) -> None:
        waiter = data.draw(st.sampled_from(sorted(self.model.standing, key=lambda one: one.place)))
        waiter.look()
        self._stand(waiter, buckets)

    def _stand(self, waiter: Waiter, buckets: set[str]) -> None:
        firsts = self._firsts()
        self.queue.stand(waiter, denials(*buckets))
        if buckets:
            self.model.standing[waiter] = buckets
        else:
            self.model.standing.pop(waiter, None)
        for bucket, first in self._firsts().items():
            if first is not firsts.get(bucket) and first is not waiter:
                assert bucket in first.stirred, "a new first must be woken"

    @rule(buckets=st.sets(st.sampled_from(BUCKETS)))
    def comes_back(self, buckets: set[str]) -> None:
        self.queue.asked("ran", dict.fromkeys(buckets, 1))
        self.queue.began("ran")
        assert not any(self.queue.is_idle(bucket) for bucket in buckets)
        self.queue.ended("ran")
        for bucket in buckets:
            assert all(bucket in first.stirred and first.turn.is_set() for first in self.model.line(bucket)[:1])

    def _firsts(self) -> dict[str, Waiter]:
        return {bucket: self.model.line(bucket)[0] for bucket in BUCKETS if self.model.line(bucket)}

    @invariant()
    def the_lines_are_those_of_the_model(self) -> None:
        for bucket in BUCKETS:
            line = self.model.line(bucket)
            assert [self.queue.is_first(waiter, bucket) for waiter in line] == [
                number == 0 for number in range(len(line))
            ]
            found = self.queue.ahead(Place(batch=True, arrival=10**9), [bucket])
            assert (found[0] if found else 0) == len(line)


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
