"""A request waits, within its timeout, for what is held and for windows that open; in order, and no longer."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest
from typing_extensions import override

from shunpike.client import Client
from shunpike.clock import Clock
from shunpike.errors import CreditsExhausted, Exhausted, UsageError
from shunpike.types import (
    Answer,
    Billing,
    Calendar,
    Call,
    Held,
    Limit,
    Pace,
    Price,
    RequestWaiting,
    Rolling,
    Unit,
    Usage,
)
from shunpike_testkit.scripted import Observer, ScriptedBackend, ScriptedProvider, answer

from .conftest import MakeClient

MINUTE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
ONE_AT_ONCE = Limit(unit=Unit.CONCURRENT, amount=1, window=Held())
PRICE = Price.per_million("1", "2")


class Slow(ScriptedBackend):
    """Answers after ``seconds`` of the client's clock; notes which prompts came in which order."""

    def __init__(self, seconds: float = 0.1) -> None:
        super().__init__([answer(usage=Usage(prompt_tokens=1, completion_tokens=1))])
        self.clock: Clock | None = None
        self.seconds = seconds
        self.prompts: list[str] = []
        self.running = self.most = 0

    @override
    async def complete(self, call: Call) -> Answer:
        assert self.clock is not None
        self.prompts.append(call.request.messages[-1].text)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.clock.sleep(self.seconds)
            return await super().complete(call)
        finally:
            self.running -= 1


def slow(*limits: Limit, seconds: float = 0.1, **more: Any) -> tuple[ScriptedProvider, Slow]:
    only = ScriptedProvider("only", limits=limits, **more)
    only.backend = backend = Slow(seconds)
    return only, backend


def budget(pico: int) -> dict[str, Any]:
    return {"allow_paid": True, "budgets": [{"amount": {"pico": pico}, "period": "day"}]}


async def test_money_that_running_calls_hold_is_waited_for(make_client: MakeClient) -> None:
    """Thirty calls under a budget that holds the worst case of three: the issue's 22 refusals are answers."""
    only, backend = slow(billing=Billing.CARD, price=PRICE)
    async with make_client(only, **budget(700_000_000)) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(partial(client.complete, f"question {number}", max_tokens=100))
        assert client.clock.monotonic() < 30, "it did not wait for the end of the day"
    assert len(backend.prompts) == 30
    assert 2 <= backend.most <= 3


async def test_a_window_that_opens_before_the_deadline_is_waited_for(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", limits=[MINUTE])
    async with make_client(only) as client:
        await client.complete("hello")
        await client.clock.sleep(21)
        done = await client.complete("hello", timeout=300)
        assert client.clock.monotonic() == pytest.approx(61, abs=0.1)
    assert done.decision.notes == ("waited 40.0 s for only: limit 1 request / 60 s",)


async def test_a_window_that_opens_after_the_deadline_fails_at_once(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", limits=[MINUTE])
    async with make_client(only) as client:
        await client.complete("hello")
        with pytest.raises(Exhausted, match="1 request / 60 s") as caught:
            await client.complete("hello", timeout=30)
        assert client.clock.monotonic() == 0
        assert caught.value.retry_at == client.clock.now() + 61


@pytest.mark.parametrize("way", ["option", "setting"])
async def test_who_does_not_want_to_wait_fails_at_once(make_client: MakeClient, way: str) -> None:
    only = ScriptedProvider("only", limits=[MINUTE])
    async with make_client(only, **({"wait": False} if way == "setting" else {})) as client:
        await client.complete("hello")
        with pytest.raises(Exhausted):
            await client.complete("hello", **({"wait": False} if way == "option" else {}))
        assert client.clock.monotonic() == 0


async def test_what_is_free_elsewhere_is_better_than_waiting(make_client: MakeClient) -> None:
    first, second = ScriptedProvider("first", limits=[MINUTE]), ScriptedProvider("second", limits=[MINUTE])
    async with make_client(first, second) as client:
        providers = [(await client.complete("hello")).provider for _ in range(3)]
        assert providers == ["first", "second", "first"]
        assert client.clock.monotonic() == pytest.approx(61, abs=0.1)


async def test_a_stream_waits_as_well(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", limits=[MINUTE])
    async with make_client(only) as client:
        await client.complete("hello")
        async with client.stream("hello") as chunks:
            assert "".join([chunk.text async for chunk in chunks]) == "fine"
        assert client.clock.monotonic() == pytest.approx(61, abs=0.1)


async def test_the_deadline_ends_the_wait_and_says_so(make_client: MakeClient) -> None:
    only, backend = slow(ONE_AT_ONCE, seconds=200)
    async with make_client(only) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, "first")
            while not backend.running:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(Exhausted, match="after waiting 20.0 s") as caught:
                await client.complete("second", timeout=20)
            held = "1 concurrent at once, held by requests that are running   when one of them has ended, not before "
            assert held in caught.value.message
            assert caught.value.decision.candidates[0].earliest
            assert client.clock.monotonic() == pytest.approx(20, abs=0.1)
    assert backend.prompts == ["first"]


async def test_a_window_that_running_requests_fill_names_its_earliest_moment_as_that(make_client: MakeClient) -> None:
    """It counts from the end of the one that runs, and nobody knows when that is."""
    only, backend = slow(MINUTE, seconds=200)
    async with make_client(only, timeout=300) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, "first")
            while not backend.running:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(Exhausted) as caught:
                await client.complete("second", wait=False)
            counting = "1 request / 60 s, counting requests that are running   when one of them has ended, not before "
            assert counting in caught.value.message
            group.cancel_scope.cancel()


async def test_requests_are_served_in_the_order_in_which_they_came_persons_first(make_client: MakeClient) -> None:
    only, backend = slow(ONE_AT_ONCE)
    async with make_client(only) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, "first")
            await client.clock.sleep(0.01)
            for number in range(20):
                priority: Any = "batch" if number % 2 else "interactive"

                async def ask(number: int = number, priority: Any = priority) -> None:
                    await client.complete(f"{priority} {number}", priority=priority)

                group.start_soon(ask)
                await client.clock.sleep(0.001)
    persons = [f"interactive {number}" for number in range(0, 20, 2)]
    batches = [f"batch {number}" for number in range(1, 20, 2)]
    assert backend.prompts == ["first", *persons, *batches]


async def test_small_requests_do_not_overtake_a_large_one_for_ever(make_client: MakeClient) -> None:
    """The budget always has room for a small one; the large one needs all of it."""
    only, backend = slow(billing=Billing.CARD, price=PRICE, seconds=0.2)
    async with make_client(only, **budget(2_400_000_000)) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(partial(client.complete, f"small {number}", max_tokens=100))
                if number == 20:
                    group.start_soon(partial(client.complete, "large", max_tokens=1_000))
                await client.clock.sleep(0.02)
    assert backend.prompts.index("large") < 40


async def test_who_is_cancelled_leaves_the_line_to_the_next(make_client: MakeClient) -> None:
    only, backend = slow(ONE_AT_ONCE, seconds=5)
    async with make_client(only) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, "first")
            await client.clock.sleep(0.01)
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(client.complete, "gives up")
                await client.clock.sleep(0.01)
                group.start_soon(client.complete, "next")
                await client.clock.sleep(1)
                impatient.cancel_scope.cancel()
        assert client.clock.monotonic() == pytest.approx(10, abs=1.1)
    assert backend.prompts == ["first", "next"]


async def test_closing_the_client_ends_every_wait(make_client: MakeClient) -> None:
    only, watcher = ScriptedProvider("only", limits=[MINUTE]), Observer()
    client: Client = make_client(only)
    client.host.register(watcher, "watcher")
    ended: list[Exception] = []

    async def ask() -> None:
        try:
            await client.complete("hello")
        except UsageError as error:
            ended.append(error)

    await client.complete("hello")
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask)
        while sum(isinstance(event, RequestWaiting) for event in watcher.events) < 3:
            await anyio.lowlevel.checkpoint()
        await client.aclose()
    assert [str(error) for error in ended] == ["the client is closed\nhint: make another: Client()"] * 3
    assert client.clock.monotonic() < 60


async def test_who_waits_says_what_for(make_client: MakeClient) -> None:
    only, watcher = ScriptedProvider("only", limits=[MINUTE]), Observer()
    client: Client = make_client(only)
    client.host.register(watcher, "watcher")
    async with client:
        await client.complete("hello")
        await client.complete("hello")
    (waits,) = [event for event in watcher.events if isinstance(event, RequestWaiting)]
    assert (waits.provider, waits.limit, waits.held, waits.ahead) == ("only", "limit 1 request / 60 s", False, 0)
    assert waits.retry_at == pytest.approx(waits.at + 61, abs=0.1)


async def test_a_batch_waits_for_what_the_pace_will_let_it_use(make_client: MakeClient) -> None:
    day = Limit(unit=Unit.REQUEST, amount=24, window=Calendar(period="day"))
    only = ScriptedProvider("only", limits=[day])
    async with make_client(only, pace=Pace(smooth=True), timeout=86_400) as client:
        for _ in range(24):
            await client.complete("hello", priority="batch")
        assert client.clock.monotonic() > 3_600
    assert len(only.backend.calls) == 24


async def test_what_is_in_trouble_is_not_waited_for_at_its_limit_again_and_again(make_client: MakeClient) -> None:
    """Two wait for a minute's limit, and the first then finds no credit: the second spun, and no time passed."""
    day = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=86_400))
    poor = ScriptedProvider("poor", answer(), CreditsExhausted("no credit", provider="poor"), limits=(MINUTE,))
    other = ScriptedProvider("other", answer(), limits=(day,))
    async with make_client(poor, other) as client:

        async def wait() -> None:
            done = await client.complete("hello", timeout=2 * 86_400 + 100)
            assert done.provider == "other"

        for _ in range(2):
            await client.complete("hello")
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                group.start_soon(wait)
        assert client.clock.monotonic() > 2 * 86_400
