"""The one loop over a plan: who is asked, what is booked, what observers hear."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from shunpike.errors import Exhausted, Interrupted, Overloaded, RequestError, StoreError
from shunpike.not_sent import before_sending
from shunpike.protocols import Target
from shunpike.routing.attempt_loop import AttemptLoop
from shunpike.routing.embedding import Vectors
from shunpike.routing.operation import Completing
from shunpike.routing.streaming import StreamRun
from shunpike.types import (
    Answer,
    AttemptEnded,
    AttemptFailed,
    AttemptFinished,
    AttemptStarted,
    Call,
    Cause,
    Chunk,
    Denial,
    DenialCause,
    EmbedAnswer,
    EmbedCall,
    EmbedRequest,
    RequestEnded,
    RequestExhausted,
    RequestFailed,
    RequestFinished,
    Usage,
    Verdict,
)
from shunpike_testkit.scripted import ScriptedBackend, answer

from .loop_rig import REQUEST, Rig, rig, target

NORTH, SOUTH = target("north"), target("south")
DOWN = Overloaded("it is down", provider="north", status=503)
END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))
CHUNKS = [Chunk(text="a"), Chunk(text="b"), END]


async def complete(made: Rig, *targets: Target, **fields: Any) -> Answer:
    context = made.context(*targets, **fields)
    given, _, _ = await made.loop.run(context, Completing(made.services, context, REQUEST))
    return given


async def test_the_first_good_answer_ends_it() -> None:
    made = rig(north=answer("one"), south=answer("two"))

    assert (await complete(made, NORTH, SOUTH)).choices[0].message.text == "one"
    assert list(made.books.outcomes) == ["req-1"]
    assert made.told() == ["request.started", "attempt.started", "attempt.finished", "request.finished"]


async def test_a_failure_goes_on_to_the_next_with_an_id_of_its_own() -> None:
    made = rig(north=DOWN, south=answer("two"))

    await complete(made, NORTH, SOUTH)

    assert {name: one.error for name, one in made.books.outcomes.items()} == {"req-1": "overloaded", "req-2": None}
    (failed,) = [one for one in made.events if isinstance(one, AttemptFailed)]
    assert (failed.error, failed.status, failed.provider, failed.request_id) == ("overloaded", 503, "north", "req")


async def test_what_nobody_can_help_ends_it_at_once() -> None:
    made = rig(north=RequestError("no such field", provider="north"), south=answer())

    with pytest.raises(RequestError):
        await complete(made, NORTH, SOUTH)
    assert made.told(RequestEnded, AttemptEnded) == ["attempt.failed", "request.failed"]


async def test_the_end_of_the_plan_is_told_with_what_it_took() -> None:
    made = rig(north=DOWN)

    with pytest.raises(Exhausted):
        await complete(made, NORTH, waits=False)
    (over,) = [one for one in made.events if isinstance(one, RequestExhausted)]
    assert (over.attempts, over.cost.pico) == (1, 7)


async def test_ends_carry_cost_tokens_and_seconds() -> None:
    made = rig(north=answer())

    await complete(made, NORTH)

    for one in made.events:
        if isinstance(one, AttemptFinished | RequestFinished):
            assert (one.cost.pico, one.usage.total_tokens, one.seconds) == (7, 10, 0.0)


async def test_every_attempt_that_starts_ends_also_where_the_caller_goes_away() -> None:
    made = rig(north=answer())

    with anyio.CancelScope() as scope:
        scope.cancel()
        await complete(made, NORTH)
    started, ended = made.told(AttemptStarted), made.told(AttemptEnded)
    assert (len(started), len(ended), made.books.running) == (1, 1, set())
    (over,) = [one for one in made.events if isinstance(one, RequestFailed)]
    assert over.error == "cancelled"


async def test_two_attempts_of_one_request_run_side_by_side_and_both_are_settled() -> None:
    """Both had the same id, so that the second was refused by the store."""
    made = rig(north=answer("one"), south=answer("two"))
    context = made.context(NORTH, SOUTH)
    run, operation = made.loop.begin(context), Completing(made.services, context, REQUEST)
    both = [await made.loop.next(run), await made.loop.next(run)]
    assert made.books.running == {"req-1", "req-2"}

    async with anyio.create_task_group() as group:
        for attempt in both:
            group.start_soon(made.loop.once, run, attempt, operation)

    assert sorted(made.books.outcomes) == ["req-1", "req-2"]
    assert [one.target.name for one in both if one.settlement is not None] == ["north", "south"]
    assert len(run.recorder.attempts) == 2


async def test_only_what_the_ledger_has_uses_up_a_number_so_that_who_asks_first_has_the_first() -> None:
    """Two processes that ask one request of one id, one of them denied at its first target, both begin with ``-1``."""
    made = rig(north=answer("one"), south=DOWN, west=answer("two"))
    full = Denial(cause=DenialCause.FULL)
    made.books.denials["north"] = [full, full.model_copy(update={"returned": True})]

    context = made.context(NORTH, NORTH, SOUTH, target("west"), first_attempt=3)
    run = made.loop.begin(context)
    assert await made.loop._admitting.admit(run, NORTH) is not None
    assert run.attempt_id() == "req-3"
    assert await made.loop._admitting.admit(run, NORTH) is not None
    assert run.attempt_id() == "req-4"
    await made.loop.walk(run, Completing(made.services, context, REQUEST))
    assert sorted(made.books.outcomes) == ["req-4"]


async def test_a_stream_is_opened_read_and_closed_in_three_tasks() -> None:
    made = rig(north=CHUNKS)
    stream = StreamRun(made.loop, made.context(NORTH), REQUEST)
    found: list[str] = []

    async def read() -> None:
        while len(found) < 2 and (chunk := await stream.next()) is not None:
            found.append(chunk.text)

    for step in (stream.open, read, stream.aclose):
        async with anyio.create_task_group() as group:
            group.start_soon(step)

    assert found == ["a", "b"]
    assert (made.backends["north"].open, made.books.running) == (0, set())
    assert made.books.outcomes["req-1"].cancelled
    assert made.told(AttemptEnded, RequestEnded) == ["attempt.failed", "request.failed"]


async def test_what_breaks_off_in_another_task_than_it_was_sent_in_counts_as_sent() -> None:
    """It was given back as unsent: the mark of what has left belongs to the task that opened the stream."""

    class AsksAgain(ScriptedBackend):
        @asynccontextmanager
        async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
            yield self._read()

        async def _read(self) -> AsyncIterator[Chunk]:
            yield Chunk(text="a")
            with before_sending:
                raise Interrupted("it can't go on", provider="north")

    made = rig(north=CHUNKS)
    made.backends["north"] = AsksAgain([answer()])
    stream = StreamRun(made.loop, made.context(NORTH), REQUEST)

    async def read() -> None:
        await stream.next()
        with pytest.raises(Interrupted):
            await stream.next()

    for step in (stream.open, read):
        async with anyio.create_task_group() as group:
            group.start_soon(step)

    assert made.books.outcomes["req-1"].sent


async def test_a_target_that_was_switched_off_meanwhile_is_not_sent_to_and_all_is_given_back() -> None:
    made = rig(north=answer("one"), south=answer("two"))

    async def why_off(one: Target) -> str | None:
        return "disabled by ann" if one.name == "north" else None

    made.loop = AttemptLoop(replace(made.services, why_off=why_off))
    run = made.loop.begin(made.context(NORTH, SOUTH))
    given, attempt = await made.loop.walk(run, Completing(made.loop.services, run.context, REQUEST))

    assert (given.choices[0].message.text, attempt.target.name) == ("two", "south")
    assert {name: one.sent for name, one in made.books.outcomes.items()} == {"req-1": False, "req-2": True}
    assert not made.backends["north"].calls
    assert [one.error for one in made.events if isinstance(one, AttemptFailed)] == ["disabled"]
    assert len(made.told(AttemptStarted)) == len(made.told(AttemptEnded)) == 2
    off = run.recorder.decision().candidates[0]
    assert (off.provider, off.verdict, off.cause, off.reason) == (
        "north", Verdict.DROPPED, Cause.DISABLED, "disabled by ann",
    )  # fmt: skip


async def test_where_it_can_not_be_told_whether_a_target_is_on_nothing_is_sent() -> None:
    made = rig(north=answer())

    async def why_off(one: Target) -> str | None:
        raise StoreError("the store is gone")

    made.loop = AttemptLoop(replace(made.services, why_off=why_off))
    run = made.loop.begin(made.context(NORTH))
    with pytest.raises(StoreError):
        await made.loop.next(run)

    assert (made.books.running, made.books.outcomes["req-1"].sent, made.backends["north"].calls) == (set(), False, [])


async def test_vectors_are_asked_for_in_the_same_loop() -> None:
    class Embeds(ScriptedBackend):
        async def embed(self, call: EmbedCall) -> EmbedAnswer:
            return EmbedAnswer(model=call.model, vectors=tuple((1.0, 2.0) for _ in call.request.input))

    texts, model = EmbedRequest(model="m", input=("one", "two")), target("south", kind="embedding")
    made = rig(north=answer())
    made.backends["south"] = Embeds([answer()])
    context = made.context(NORTH, model, request=texts)
    given, attempt, _ = await made.loop.run(context, Vectors(made.services, context, texts))

    assert given.vectors == ((1.0, 2.0), (1.0, 2.0))
    assert (attempt.target.name, attempt.ask.max_output) == ("south", 0)
    assert made.told(AttemptEnded, RequestEnded) == ["attempt.failed", "attempt.finished", "request.finished"]


async def test_a_stream_that_is_read_to_its_end_finishes_once() -> None:
    made = rig(north=DOWN, south=CHUNKS)
    stream = StreamRun(made.loop, made.context(NORTH, SOUTH), REQUEST)
    await stream.open()
    assert made.told(RequestEnded) == []
    while await stream.next() is not None:
        pass
    await stream.aclose()

    assert stream.answer is not None
    assert made.told(RequestEnded) == ["request.finished"]
    assert [one.verdict for one in stream.recorder.decision().candidates] == [Verdict.FAILED, Verdict.ANSWERED]
