"""Every request that ends leaves a record, however it ends, and whoever asks for it gets what the answer said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.errors import Exhausted, Interrupted, Overloaded, RateLimited, RequestError, UsageError
from shunpike.types import Billing, Cause, Chunk, Limit, Price, RequestOutcome, Rolling, Unit, Usage, Verdict
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient

END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))
CANARY = "the canary sings at dawn"
BUSY = Overloaded("busy", provider="first", status=503)


@pytest.fixture(params=["memory:", "sqlite:"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'ledger.db'}" if request.param == "sqlite:" else "memory:"


async def test_the_record_of_an_answer_is_the_one_that_came_with_it(make_client: MakeClient, store: str) -> None:
    first, second = ScriptedProvider("first", BUSY), ScriptedProvider("second", answer("two"))
    async with make_client(first, second, store=store) as client:
        done = await client.complete("hello", tag="draft", user="ann", priority="batch", strict=True)
        kept = await client.explain(done.request_id)
        assert await client.explain() == kept
    assert kept == done.decision
    assert (kept.request_id, kept.began_at, kept.kind, kept.streamed) == (done.request_id, START, "chat", False)
    assert (kept.ended, kept.error, kept.provider, kept.served_model) == (RequestOutcome.ANSWERED, None, "second", "m")
    assert (kept.tag, kept.user, kept.priority, kept.strict) == ("draft", "ann", "batch", True)
    assert [(one.provider, one.error) for one in kept.attempts] == [("first", "overloaded"), ("second", None)]
    assert kept.attempts[1].served_model == "m"
    assert kept.prompt_tokens > 0
    assert kept.warnings == done.warnings


async def test_a_request_that_nobody_could_answer_leaves_the_record_that_its_error_carries(
    make_client: MakeClient, store: str
) -> None:
    slow = RateLimited("slow down", provider="only", status=429)
    slow.retry_at = START + 60
    async with make_client(ScriptedProvider("only", slow), store=store, wait=False) as client:
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello")
        kept = await client.explain(caught.value.request_id)
    assert kept == caught.value.decision
    assert (kept.ended, kept.error, kept.provider) == (RequestOutcome.EXHAUSTED, "exhausted", None)
    assert kept.retry_at == caught.value.retry_at == START + 60


async def test_a_request_that_was_refused_leaves_a_record_without_a_word_of_it(
    make_client: MakeClient, store: str
) -> None:
    refusal = RequestError(f"first: can't say {CANARY!r}", provider="first", status=400)
    async with make_client(ScriptedProvider("first", refusal), store=store) as client:
        with pytest.raises(RequestError) as caught:
            await client.complete(CANARY)
        kept = await client.explain(caught.value.request_id)
    assert (kept.ended, kept.error) == (RequestOutcome.FAILED, "invalid_request")
    assert "canary" not in repr(kept.model_dump())
    assert [one.status for one in kept.attempts] == [400]


async def test_neither_prompt_nor_answer_stands_in_the_file(make_client: MakeClient, tmp_path: Path) -> None:
    """Good answers and bad ones alike."""
    path = tmp_path / "ledger.db"
    bad = ScriptedProvider("bad", answer(f'{{"said": "{CANARY}"'))
    good = ScriptedProvider("good", answer(f'{{"said": "{CANARY}"}}'))
    async with make_client(bad, good, store=f"sqlite:{path}") as client:
        done = await client.complete(CANARY, system=CANARY, response_format={"type": "json_object"})
        assert CANARY in done.text
        assert CANARY in done.decision.model_dump_json(), "the caller is told why it was bad"
    written = b"".join([await anyio.Path(file).read_bytes() async for file in anyio.Path(tmp_path).glob("ledger*")])
    assert done.request_id.encode() in written
    assert b"canary" not in written


async def test_a_bad_answer_that_was_wanted_all_the_same_is_not_quoted(make_client: MakeClient, store: str) -> None:
    """Its kind is told."""
    bad = ScriptedProvider("bad", answer(f"no JSON, but: {CANARY}"))
    async with make_client(bad, store=store) as client:
        wanted = {"type": "json_object"}
        done = await client.complete("hello", response_format=wanted, on_bad_answer="return")
        kept = await client.explain(done.request_id)
    assert any("canary" in one for one in done.warnings)
    assert kept.warnings == ("the answer may be of no use (schema_invalid)",)
    assert "canary" not in repr(kept.model_dump())


async def test_a_stream_leaves_a_record_at_its_end(make_client: MakeClient, store: str) -> None:
    only = ScriptedProvider("only", [Chunk(text="Hel"), Chunk(text="lo"), END])
    async with make_client(only, store=store) as client:
        async with client.stream("hi") as stream:
            with pytest.raises(UsageError):
                await client.explain()
            async for _ in stream:
                pass
        kept = await client.explain(stream.completion.request_id)
    assert kept == stream.completion.decision
    assert (kept.ended, kept.streamed, kept.attempts[0].first_token_seconds) == (RequestOutcome.ANSWERED, True, 0.0)


async def test_a_stream_that_is_left_and_one_that_breaks_off_leave_records(make_client: MakeClient, store: str) -> None:
    cut = Interrupted("gone", provider="only")
    only = ScriptedProvider("only", [Chunk(text="Hel"), Chunk(text="lo"), END], [Chunk(text="Hel"), cut])
    async with make_client(only, store=store) as client:
        async with client.stream("hi", request_id="left") as stream:
            await anext(aiter(stream))
        async with client.stream("hi", request_id="cut") as stream:
            with pytest.raises(Interrupted):
                async for _ in stream:
                    pass
        left, broken = await client.explain("left"), await client.explain("cut")
    assert (left.ended, left.error) == (RequestOutcome.CANCELLED, "cancelled")
    assert [one.error for one in left.attempts] == ["cancelled"]
    assert (broken.ended, broken.error) == (RequestOutcome.FAILED, "stream_interrupted")


async def test_a_request_whose_caller_goes_away_leaves_a_record(make_client: MakeClient, store: str) -> None:
    only = ScriptedProvider("only")
    begun = anyio.Event()

    async def hang(call: object) -> Any:
        begun.set()
        await anyio.sleep_forever()

    only.backend.complete = hang  # type: ignore[method-assign]
    async with make_client(only, store=store) as client:
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                await client.complete("hello", request_id="gone")

            group.start_soon(ask)
            await begun.wait()
            group.cancel_scope.cancel()
        kept = await client.explain("gone")
    assert (kept.ended, kept.error) == (RequestOutcome.CANCELLED, "cancelled")
    assert [one.error for one in kept.attempts] == ["cancelled"]


async def test_a_record_outlives_its_client(make_client: MakeClient, tmp_path: Path) -> None:
    path = f"sqlite:{tmp_path / 'ledger.db'}"
    async with make_client(ScriptedProvider("only", answer("one")), store=path) as client:
        done = await client.complete("hello")
    async with make_client(ScriptedProvider("only"), store=path) as client:
        assert await client.explain(done.request_id) == done.decision
        assert [one.request_id for one in await client.decisions()] == [done.request_id]


async def test_what_is_asked_for_and_is_not_there_is_told(make_client: MakeClient, store: str) -> None:
    async with make_client(ScriptedProvider("only"), store=store) as client:
        with pytest.raises(UsageError, match="no record of a request 'req_1'") as caught:
            await client.explain("req_1")
        assert "explain --last" in (caught.value.hint or "")
        with pytest.raises(UsageError, match="request_id must be a word"):
            await client.explain("")
    async with make_client(ScriptedProvider("only"), store=store, keep_decisions=0) as client:
        done = await client.complete("hello")
        with pytest.raises(UsageError, match="keep_decisions is 0"):
            await client.explain(done.request_id)


async def test_places_in_the_order_stand_in_the_record(make_client: MakeClient) -> None:
    """Of all that could be asked, whether they were or not."""
    first, second = ScriptedProvider("first", answer("one")), ScriptedProvider("second")
    async with make_client(first, second) as client:
        done = await client.complete("hello")
    ranks = {one.provider: (one.rank, one.verdict) for one in done.decision.candidates}
    assert ranks == {"first": (1, Verdict.ANSWERED), "second": (2, Verdict.UNUSED)}


async def test_what_blocked_a_candidate_stands_in_the_record_in_figures(make_client: MakeClient) -> None:
    limits = [{"unit": "request", "amount": 1, "window": {"kind": "rolling", "seconds": 60}}]
    only = ScriptedProvider("only", answer("one"))
    async with make_client(only, wait=False, providers={"only": {"limits": limits}}) as client:
        await client.complete("hello")
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello")
    (one,) = caught.value.decision.candidates
    assert (one.verdict, one.cause) == (Verdict.DENIED, Cause.QUOTA)
    assert one.evidence is not None
    assert one.evidence.limit is not None
    assert (one.evidence.limit.amount, one.evidence.limit.text) == (1, "1 request / 60 s")


async def test_a_request_for_which_nobody_was_left_to_ask_leaves_a_record(make_client: MakeClient, store: str) -> None:
    """A dry run of it leaves none."""
    paid = ScriptedProvider("paid", answer("1"), billing=Billing.CARD, price=Price.per_million("1", "1"))
    async with make_client(paid, store=store) as client:
        with pytest.raises(Exhausted):
            await client.route("hello")
        assert await client.decisions() == ()
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello", tag="draft")
        kept = await client.explain(caught.value.request_id)
    assert kept == caught.value.decision
    assert (kept.ended, kept.tag, kept.attempts) == (RequestOutcome.EXHAUSTED, "draft", ())
    assert [(one.provider, one.cause) for one in kept.candidates] == [("paid", Cause.POLICY)]


def test_a_record_is_there_for_whoever_asks_in_another_event_loop(make_client: MakeClient, store: str) -> None:
    client = make_client(ScriptedProvider("only"), store=store)

    async def ended() -> None:
        assert await client.explain(asked) == decided
        await client.aclose()

    done = anyio.run(client.complete, "hello")
    asked, decided = done.request_id, done.decision
    anyio.run(ended)


async def test_how_much_of_a_full_limit_was_used_stands_beside_it(make_client: MakeClient, store: str) -> None:
    minute = Limit(unit=Unit.REQUEST, amount=2, window=Rolling(seconds=60))
    async with make_client(ScriptedProvider("only", limits=(minute,)), store=store, wait=False) as client:
        for _ in range(2):
            await client.complete("hello")
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello")
        kept = await client.explain(caught.value.request_id)
    (blocked,) = kept.candidates
    assert blocked.evidence is not None
    assert blocked.evidence.limit is not None
    assert (blocked.evidence.used, blocked.evidence.limit.amount) == (2, 2)
