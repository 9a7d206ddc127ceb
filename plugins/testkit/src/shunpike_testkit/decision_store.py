"""The contract that every store of decisions is held against.

    class TestMyDecisions(DecisionContract):
        @asynccontextmanager
        async def opened(self, place: Path) -> AsyncIterator[DecisionStore]:
            async with MyStore(place / "ledger") as store:
                yield store.decisions

``place`` is an empty folder, the same one for all stores of a test. Tests run on both event loops where the fixture
``anyio_backend`` says so.
"""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from shunpike.decisions.store import PAGE, DecisionStore
from shunpike.types import (
    AffinityState,
    AttemptRecord,
    Blocking,
    Calendar,
    Candidate,
    Cause,
    Decision,
    DeniedBy,
    Limit,
    Money,
    Remaining,
    RequestOutcome,
    Rolling,
    SessionAffinity,
    Unit,
    Usage,
    Verdict,
)

AT = 1_780_000_000.0
LIMIT = Limit(unit=Unit.REQUEST, amount=30, window=Rolling(seconds=60), source="https://north.example/limits")
DAY = Limit(unit=Unit.TOTAL_TOKEN, amount=10**6, window=Calendar(period="day", zone="America/Los_Angeles"))


def decided(name: str = "req_1", at: float = AT, **fields: object) -> Decision:
    """Return the record of a request that began at ``at``."""
    fields = {"requested_model": "auto", "strategy": "priority", **fields}
    return Decision.model_validate({"request_id": name, "began_at": at, **fields})


def full_record(name: str = "req_1", at: float = AT) -> Decision:
    """Return a record in which every kind of thing stands."""
    return decided(
        name,
        at,
        candidates=(
            Candidate(provider="north", model="m-1", verdict=Verdict.ANSWERED, rank=1, score=0.1, why="cheapest"),
            Candidate(
                provider="south",
                model="m-1",
                verdict=Verdict.DENIED,
                reason="limit 30 requests / 60 s",
                retry_at=at + 12.5,
                by=DeniedBy.LIMIT,
                cause=Cause.QUOTA,
                rank=2,
                earliest=True,
                evidence=Blocking(bucket="south/m-1/request/60", limit=LIMIT, used=30),
            ),
            Candidate(provider="east", model="m-2", verdict=Verdict.DROPPED, reason="no key", cause=Cause.KEY),
        ),
        attempts=(
            AttemptRecord(
                id=f"{name}-1",
                provider="north",
                model="m-1",
                started_at=at + 0.25,
                seconds=1.5,
                first_token_seconds=0.125,
                usage=Usage(prompt_tokens=10**12, completion_tokens=3),
                cost=Money(pico=123_456_789_012_345),
                admit_seconds=0.002,
                served_model="m-1-0613",
                list_price=Money(pico=1),
            ),
        ),
        remaining=(Remaining(limit=DAY, bucket="b", used=3, left=10**6 - 3, resets_at=at + 3600),),
        notes=("waited 0.5 s for south: limit 30 requests / 60 s",),
        seconds=2.25,
        streamed=True,
        ended=RequestOutcome.ANSWERED,
        provider="north",
        served_model="m-1-0613",
        alias="fast",
        rule="3",
        affinity=SessionAffinity(state=AffinityState.KEPT, key="a1b2c3", target="north/m-1", why="its last turn"),
        warnings=("it was cut off",),
        prompt_tokens=17,
        strict=True,
        priority="batch",
        tag="draft",
        user="ann",
        principal="key-1",
    )


class DecisionContract:
    """Inherit, say how to open a store, and the laws of kept decisions are tested."""

    persistent = True
    """False for a store that forgets everything when it is closed."""
    shared = True
    """Whether two stores opened on one place see each other."""

    pytestmark = pytest.mark.anyio

    def opened(self, place: Path) -> AbstractAsyncContextManager[DecisionStore]:
        """Open a store on ``place``, closed at the end; what was there before must be found again."""
        raise NotImplementedError

    async def test_of_a_request_that_nobody_made_there_is_no_record(self, tmp_path: Path) -> None:
        """Neither is there a latest one."""
        async with self.opened(tmp_path) as store:
            assert list(await store.of("req_0")) == []
            assert list(await store.latest()) == []

    async def test_a_record_comes_back_as_it_was(self, tmp_path: Path) -> None:
        """Every field of it, money to the pico-dollar; at once, for whoever kept it."""
        async with self.opened(tmp_path) as store:
            store.keep(full_record())
            assert list(await store.of("req_1")) == [full_record()]
            assert list(await store.latest()) == [full_record()]

    async def test_a_request_that_was_asked_again_has_a_record_of_each_time(self, tmp_path: Path) -> None:
        """Oldest first; also where no time has passed between them."""
        async with self.opened(tmp_path) as store:
            first, second = (
                decided(at=AT, ended=RequestOutcome.EXHAUSTED),
                decided(at=AT + 1, ended=RequestOutcome.ANSWERED),
            )
            store.keep(first)
            store.keep(second)
            store.keep(second)
            assert list(await store.of("req_1")) == [first, second, second]

    async def test_the_latest_come_first_page_by_page(self, tmp_path: Path) -> None:
        """In whatever order they ended."""
        records = [decided(f"req_{number}", at=AT + number) for number in range(7)]
        async with self.opened(tmp_path) as store:
            for one in random.Random(5).sample(records, len(records)):  # noqa: S311 - no secret
                store.keep(one)
            assert list(await store.latest(limit=3)) == records[:3:-1]
            assert list(await store.latest(before=AT + 4, limit=3)) == records[3:0:-1]
            assert list(await store.latest(before=AT + 1)) == records[:1]
            assert list(await store.latest(limit=PAGE + 1)) == records[::-1]

    async def test_any_text_can_stand_in_a_record(self, tmp_path: Path) -> None:
        """And any can be a request's id: what is looked for is found by it."""
        odd = "'; DROP TABLE x; -- %s ? \U0001f600 \0 \ud800 ünïcode\n" + "x" * 200
        async with self.opened(tmp_path) as store:
            store.keep(decided(odd, notes=(odd,)))
            store.keep(decided("req_2", user=odd))
            [one] = await store.of(odd)
            assert one.notes == (odd,)
            assert [found.user for found in await store.of("req_2")] == [odd]

    async def test_what_is_kept_at_once_by_many_is_all_there(self, tmp_path: Path) -> None:
        """Also while others read."""
        async with self.opened(tmp_path) as store:

            async def keep(number: int) -> None:
                for part in range(8):
                    store.keep(decided(f"req_{number}-{part}", at=AT + 10 * number + part))
                    await anyio.lowlevel.checkpoint()
                assert len(await store.of(f"req_{number}-7")) == 1

            async with anyio.create_task_group() as group:
                for number in range(8):
                    group.start_soon(keep, number)
            assert len({one.request_id for one in await store.latest()}) == 64

    async def test_another_process_finds_what_was_written(self, tmp_path: Path) -> None:
        """As soon as it was."""
        if not self.shared:
            pytest.skip("shared is False")
        async with self.opened(tmp_path) as one, self.opened(tmp_path) as other:
            one.keep(full_record())
            await one.flush()
            assert list(await other.of("req_1")) == [full_record()]
            other.keep(decided(at=AT + 1))
            await other.flush()
            assert list(await one.of("req_1")) == [full_record(), decided(at=AT + 1)]

    async def test_nobody_need_wait_for_a_record_to_be_written(self, tmp_path: Path) -> None:
        """It is after a moment, though nobody writes anything else."""
        if not self.shared:
            pytest.skip("shared is False")
        async with self.opened(tmp_path) as one, self.opened(tmp_path) as other:
            one.keep(decided())
            with anyio.fail_after(10):
                while not await other.of("req_1"):  # noqa: ASYNC110 - it is asked
                    await anyio.sleep(0.02)

    async def test_records_outlive_the_process_that_ends_right_after(self, tmp_path: Path) -> None:
        """What was kept last is written when the store is closed."""
        if not self.persistent:
            pytest.skip("persistent is False")
        async with self.opened(tmp_path) as store:
            store.keep(full_record())
        async with self.opened(tmp_path) as store:
            assert list(await store.of("req_1")) == [full_record()]

    async def test_after_the_end_nothing_is_raised(self, tmp_path: Path) -> None:
        """A request that ends when its store is closed ends as it would."""
        async with self.opened(tmp_path) as store:
            await store.flush()
        store.keep(decided())
