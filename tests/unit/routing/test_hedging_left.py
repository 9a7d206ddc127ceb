"""What is left behind by a race: nothing of the winner's whose caller goes away, nothing of a rival's that was late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from typing_extensions import override

from shunpike.errors import Overloaded, StoreError
from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import Call, Chunk, Denial, Grant, Verdict
from shunpike_testkit.scripted import answer

from .test_fall_over import client
from .test_hedging import SLOW, WARM, Paced, paced, warm


class Lingering(Paced):
    """Takes three seconds to close the last of its streams."""

    @override
    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        try:
            async with super().stream(call) as chunks:
                yield chunks
        finally:
            if len(self.seconds) == 1 and self.client is not None:
                with anyio.CancelScope(shield=True):
                    await self.client.clock.sleep(3.0)


async def test_a_stream_that_won_is_settled_where_its_caller_goes_away_while_the_loser_is() -> None:
    first, second = paced("first", *SLOW), paced("second", 0.5)
    first.backend = Lingering([answer("first")], *SLOW)
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second, streamed=True)
        with opened.clock.move_on_after(4.0) as scope:
            async with opened.stream("hello") as stream:
                _ = [chunk async for chunk in stream]
        assert scope.cancelled_caught
        assert (first.backend.open, second.backend.open) == (0, 0)
        assert [row.held for row in await opened.usage(0.0, 1e11)] == [0, 0]
        assert [opened.runtime.performance.load.of(f"{name}/m00") for name in ("first", "second")] == [0, 0]
        [kept] = await opened.decisions(limit=1)
    assert {one.provider: one.error for one in kept.attempts} == {"first": "cancelled", "second": "cancelled"}


async def test_an_answer_does_not_wait_for_the_rival_to_be_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = paced("first", *WARM, 4.0), paced("second", 0.5)
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second)
        ledger = opened.runtime.ledger
        admit = ledger.admit

        async def slow(target: Target, ask: AdmissionRequest) -> Grant | Denial:
            if target.name == "second":
                await opened.clock.sleep(30.0)
            return await admit(target, ask)

        monkeypatch.setattr(ledger, "admit", slow)
        began = opened.clock.monotonic()
        done = await opened.complete("hello")
        assert opened.clock.monotonic() - began == 4.0
    assert {one.provider: one.error for one in done.attempts} == {"first": None}


async def test_a_failure_falls_over_though_the_rival_could_not_be_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    down = Overloaded("down", provider="", status=503)
    first = paced("first", *WARM, 4.0, steps=[*[answer("first")] * 30, down])
    second = paced("second", 0.5)
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second)
        ledger = opened.runtime.ledger
        admit, fails = ledger.admit, [StoreError("locked")]

        async def once_locked(target: Target, ask: AdmissionRequest) -> Grant | Denial:
            if target.name == "second" and fails:
                raise fails.pop()
            return await admit(target, ask)

        monkeypatch.setattr(ledger, "admit", once_locked)
        assert (await opened.complete("hello")).provider == "second"
        assert not fails


@pytest.mark.parametrize("hedge", [False, True])
async def test_who_was_asked_and_broken_off_does_not_stand_in_the_record_as_unused(*, hedge: bool) -> None:
    first, second = paced("first", *SLOW), paced("second", 0.5)
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second)
        with opened.clock.move_on_after(4.0):
            await opened.complete("hello", hedge=hedge)
        [kept] = await opened.decisions(limit=1)
    told = {one.provider: (one.verdict, one.reason) for one in kept.candidates}
    assert told == {
        "first": (Verdict.FAILED, "cancelled: it was asked, and broken off before its end"),
        "second": (Verdict.ANSWERED if hedge else Verdict.UNUSED, ""),
    }
