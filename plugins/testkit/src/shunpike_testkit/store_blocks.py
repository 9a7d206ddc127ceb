"""The part of the store contract that is about blocks: their origin, testing doubtful ones, opening them by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.ledger.capabilities import Reopens
from shunpike.protocols import Store
from shunpike.types import Block, Denial, DeniedBy, Grant, Held, Settlement, State, Unit
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.store_shortening import StoreShorteningContract
from shunpike_testkit.stores import able, booked, denied, hold, reservation, settled

GATE = hold(0, 0, Unit.CONCURRENT, Held(), bucket="gate")
DAY = 86_400.0
TESTED = 3_600.0
"""Seconds after which the doubtful block of these tests is tested."""


def doubtful(at: float, **said: Any) -> Block:
    """Return what closes the gate for a day, and is not believed for more than an hour."""
    known = {"bucket": "gate", "until": at + DAY, "reason": "said a day", "test_at": at + TESTED}
    return Block(at=at, origin="HTTP 429", **{**known, **said})


def refused(at: float, *blocks: Block) -> Settlement:
    """Return the end of an attempt that a provider refused."""
    return Settlement(state=State.RELEASED, at=at, outcome="rate_limited", blocks=blocks)


async def closed_by(store: Store, at: float, block: Block) -> None:
    """Let an attempt end with a block."""
    await booked(store, reservation(f"closes-{at}", at), refused(at, block))


class StoreBlocksContract(StoreShorteningContract):
    """The whole contract of a store: its base, time, what it learns, and what it closes."""

    async def test_a_block_tells_when_and_by_what_it_was_made(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Whoever looks can judge it."""
        made = doubtful(clock.now())
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), made)
            assert await store.closed(clock.now()) == {"gate": made}

    async def test_what_closes_after_it_was_opened_is_the_new_block(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Also where both are settled at once, and the older block would have held for longer."""
        now, bucket = clock.now(), "north|origin:x|trouble"
        older = Block(bucket=bucket, until=now + 600, reason="five in a row", at=now, failures=5)
        newer = Block(bucket=bucket, until=now + 300, reason="first again", at=now + 2, failures=1)
        async with self.opened(tmp_path, clock) as store:
            for attempt in ("a", "b", "c"):
                await store.admit(reservation(attempt, now, hold(1, 10)))
            await store.settle("a", settled(now, blocks=(older,)))
            async with anyio.create_task_group() as group:
                group.start_soon(store.settle, "b", settled(now + 1, opens=(bucket,)))
                group.start_soon(store.settle, "c", settled(now + 2, blocks=(newer,)))
            found = await store.closed(now + 2)
            # Whichever was settled first: an opening that comes last leaves nothing, and never the older one.
            assert found.get(bucket) in {None, newer}

    async def test_one_attempt_tests_a_doubtful_block_and_its_answer_opens_it(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Before its time none may, afterwards one; the others wait for how it ends."""
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), doubtful(clock.now()))
            early = denied(await store.admit(reservation("early", clock.now() + 1, GATE)))
            assert early.retry_at == clock.now() + TESTED, "it is worth another look when it may be tested"
            clock.advance(TESTED)
            assert isinstance(await store.admit(reservation("test", clock.now(), GATE)), Grant)
            second = denied(await store.admit(reservation("second", clock.now(), GATE)), "two attempts test at once")
            assert second.held, "how the test ends is known in a moment"
            await store.settle("test", settled(clock.now()))
            assert await store.closed(clock.now()) == {}
            assert isinstance(await store.admit(reservation("third", clock.now(), GATE)), Grant)

    @pytest.mark.parametrize("wait", [36.0, 2 * DAY])
    async def test_a_test_that_is_refused_closes_by_what_is_said_now(
        self, tmp_path: Path, clock: VirtualClock, wait: float
    ) -> None:
        """Shorter or longer than before: it is newer."""
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), doubtful(clock.now()))
            clock.advance(TESTED)
            now = clock.now()
            await store.admit(reservation("test", now, GATE))
            renewed = Block(bucket="gate", until=now + wait, reason="said anew", at=now)
            await store.settle("test", refused(now, renewed))
            assert await store.closed(now) == {"gate": renewed}
            assert isinstance(await store.admit(reservation("next", now + 35, GATE)), Denial)

    async def test_a_test_that_another_bucket_refuses_is_made_again_later(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """It told nothing of this one, and was not answered either."""
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), doubtful(clock.now()))
            clock.advance(TESTED)
            await store.admit(reservation("test", clock.now(), GATE))
            other = Block(bucket="other", until=clock.now() + 5, reason="said 5 s", at=clock.now())
            await store.settle("test", refused(clock.now(), other))
            left = (await store.closed(clock.now()))["gate"]
            assert (left.test_at, left.tester) == (clock.now() + TESTED, None)
            assert isinstance(await store.admit(reservation("next", clock.now() + 6, GATE)), Denial)

    async def test_a_test_that_tells_nothing_leaves_it_to_the_next_attempt(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """It broke off, or never left."""
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), doubtful(clock.now()))
            clock.advance(TESTED)
            for number, state in enumerate((State.UNCONFIRMED, State.RELEASED)):
                test = await store.admit(reservation(f"test-{number}", clock.now(), GATE))
                assert isinstance(test, Grant), "the lease of the last test did not end"
                await store.settle(f"test-{number}", Settlement(state=state, at=clock.now(), outcome="timeout"))
            assert (await store.closed(clock.now()))["gate"].tester is None

    async def test_of_all_who_ask_at_once_one_tests(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Whichever process they are of."""
        async with self.opened(tmp_path, clock) as one, self.opened(tmp_path, clock) as two:
            stores = [one, two] if self.shared else [one]
            await closed_by(one, clock.now(), doubtful(clock.now()))
            clock.advance(TESTED)
            admitted = []

            async def ask(name: str) -> None:
                answer = await stores[int(name) % len(stores)].admit(reservation(name, clock.now(), GATE))
                admitted.append(isinstance(answer, Grant))

            await self.all_at_once(ask, map(str, range(20)))
        assert sum(admitted) == 1

    async def test_what_only_a_person_opens_stays_closed(self, tmp_path: Path, clock: VirtualClock) -> None:
        """However much time passes, whatever is said later, and in the next process too."""
        frozen = Block(bucket="gate", until=UNTIL_CLEARED, reason="billed too much", at=clock.now(), origin="x")
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), frozen)
            clock.advance(400 * DAY)
            await closed_by(store, clock.now(), Block(bucket="gate", until=clock.now() + 5, reason="5 s"))
            if not self.persistent:
                await self._is_frozen(store, clock, frozen)
        if self.persistent:
            async with self.opened(tmp_path, clock) as store:
                await self._is_frozen(store, clock, frozen)

    async def _is_frozen(self, store: Store, clock: VirtualClock, frozen: Block) -> None:
        denial = denied(await store.admit(reservation("late", clock.now(), GATE)))
        assert (denial.retry_at, denial.by, denial.text) == (None, DeniedBy.BLOCK, "billed too much")
        assert await store.closed(clock.now()) == {"gate": frozen}

    async def test_what_is_opened_by_hand_is_open_for_everybody_and_written_down(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Who did it, when and why; what is not closed can't be opened."""
        frozen = Block(bucket="gate", until=UNTIL_CLEARED, reason="billed too much", at=clock.now(), origin="x")
        async with self.opened(tmp_path, clock) as store, self.opened(tmp_path, clock) as other:
            hands = able(other if self.shared else store, Reopens)
            await closed_by(store, clock.now(), frozen)
            assert isinstance(await store.admit(reservation("a", clock.now(), GATE)), Denial)
            (done,) = await hands.reopen(["gate", "gate", "unknown"], clock.now(), "ann", "asked them")
            assert (done.block, done.at, done.who, done.note) == (frozen, clock.now(), "ann", "asked them")
            assert await hands.reopen(["gate"], clock.now(), "ann", "again") == []
            assert await hands.reopened() == [done]
            assert isinstance(await store.admit(reservation("b", clock.now(), GATE)), Grant)
            await store.check()

    async def test_a_test_whose_block_was_opened_by_hand_ends_quietly(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """What it finds closes again all the same."""
        async with self.opened(tmp_path, clock) as store:
            hands = able(store, Reopens)
            await closed_by(store, clock.now(), doubtful(clock.now()))
            clock.advance(TESTED)
            await store.admit(reservation("test", clock.now(), GATE))
            await hands.reopen(["gate"], clock.now(), "ann", "")
            again = doubtful(clock.now())
            await store.settle("test", refused(clock.now(), again))
            assert await store.closed(clock.now()) == {"gate": again}

    async def test_what_is_in_trouble_is_told_to_everybody_and_holds_up_nobody(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """With its failures in a row; more of them stand against fewer, and who saw it well ends it for all."""
        now, first = clock.now(), Block(bucket="north|origin:x|trouble", until=0, reason="connection: refused")
        fewer = first.model_copy(update={"at": now, "until": now + 601, "test_at": now + 1, "failures": 1})
        more = fewer.model_copy(update={"until": now + 604, "test_at": now + 4, "failures": 3, "origin": "process 7"})
        async with self.opened(tmp_path, clock) as store, self.opened(tmp_path, clock) as other:
            others = other if self.shared else store
            await closed_by(store, now, more)
            await closed_by(others, now + 0.5, fewer)
            assert await others.closed(now) == {more.bucket: more}
            assert isinstance(await others.admit(reservation("a", now, GATE)), Grant)
            await others.settle("a", settled(now, opens=(more.bucket, "north|origin:y|trouble")))
            assert await store.closed(now) == {}
            await store.check()

    async def test_trouble_elsewhere_does_not_put_off_a_test(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Only a refusal does: what broke off told nothing of the limit that it was to test."""
        async with self.opened(tmp_path, clock) as store:
            await closed_by(store, clock.now(), doubtful(clock.now()))
            clock.advance(TESTED)
            await store.admit(reservation("test", clock.now(), GATE))
            broke = Block(bucket="north|origin:x|trouble", until=clock.now() + 601, reason="connection", failures=1)
            await store.settle("test", refused(clock.now(), broke))
            assert isinstance(await store.admit(reservation("next", clock.now(), GATE)), Grant)
