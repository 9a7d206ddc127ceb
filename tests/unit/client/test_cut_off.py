"""No answer is cut in silence: a cut one says by what, one without a word is an error, streamed or not."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import BadAnswer, Exhausted
from shunpike.types import Answer, Choice, Chunk, Limit, Message, Rolling, Unit, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

CUT = answer("once upon a", finish="length")
TPM = Limit(unit=Unit.TOTAL_TOKEN, amount=6_000, window=Rolling(seconds=60), counts="asked")


def thought(finish: str = "length") -> Answer:
    """Return an answer that only thinks."""
    message = Message(role="assistant", content="", reasoning="hm, let me see")
    return Answer(
        model="m",
        choices=(Choice(message=message, finish_reason=finish),),
        usage=Usage(prompt_tokens=7, completion_tokens=99),
    )


async def ask(client: Client, *, streamed: bool, **options: Any) -> tuple[str, ...]:
    if not streamed:
        return (await client.complete("a story", **options)).warnings
    async with client.stream("a story", **options) as chunks:
        async for _ in chunks:
            pass
        return chunks.completion.warnings


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cut_answer_says_by_what_it_was_cut(make_client: MakeClient, *, streamed: bool) -> None:
    free, bound = ScriptedProvider("free", CUT), ScriptedProvider("bound", CUT, limits=[TPM])
    async with make_client(free) as client:
        assert await ask(client, streamed=streamed, max_tokens=5) == (
            "the answer was cut off at 5 output tokens: by max_tokens",
        )
        assert await ask(client, streamed=streamed) == (
            "the answer was cut off at 8,000 output tokens: the most that free/m gives",
        )
    async with make_client(bound) as client:
        (warning,) = await ask(client, streamed=streamed)
    assert warning.endswith("output tokens: all that was left of the limit 6,000 total tokens / 60 s")


async def test_a_whole_answer_has_no_warning_and_the_decision_names_what_shortened_its_cap(
    make_client: MakeClient,
) -> None:
    async with make_client(ScriptedProvider("bound", limits=[TPM])) as client:
        done = await client.complete("hello")
    assert done.warnings == ()
    (note,) = done.decision.notes
    assert note.startswith("output capped at 5,9")
    assert note.endswith("tokens by the limit 6,000 total tokens / 60 s")


async def test_what_only_thinks_is_an_error_with_a_way_out(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", thought())) as client:
        with pytest.raises((BadAnswer, Exhausted), match="all output tokens went into thinking") as caught:
            await client.complete("hello", max_tokens=99)
        assert caught.value.hint == "raise max_tokens above 99, or leave it out"


@pytest.mark.parametrize(("finish", "kind"), [("length", "truncated"), ("stop", "empty")])
async def test_a_stream_that_only_thinks_is_an_error_and_is_booked(
    make_client: MakeClient, finish: str, kind: str
) -> None:
    """What was thought has been shown, so nobody else is asked; it is billed all the same."""
    usage = Usage(prompt_tokens=7, completion_tokens=99)
    chunks = [Chunk(reasoning="hm, ", model="m"), Chunk(reasoning="well"), Chunk(finish_reason=finish, usage=usage)]
    first, second = ScriptedProvider("first", chunks), ScriptedProvider("second")
    async with make_client(first, second) as client:
        with pytest.raises(BadAnswer) as caught:
            await ask(client, streamed=True)
        rows = {row.provider: row for row in await client.usage(0, client.clock.now() + 1)}
    assert caught.value.kind == kind
    assert (rows["first"].completion_tokens, rows["first"].held) == (99, 0)
    assert "second" not in rows


async def test_a_stream_that_a_filter_broke_off_says_so(make_client: MakeClient) -> None:
    """What was shown stays; that it is not the whole answer is said."""
    chunks = [Chunk(text="once upon", model="m"), Chunk(finish_reason="content_filter")]
    async with make_client(ScriptedProvider("strict", chunks)) as client:
        assert await ask(client, streamed=True) == ("the answer was broken off by the content filter of strict/m",)


async def test_a_cut_at_a_model_of_unknown_context_does_not_blame_its_context(make_client: MakeClient) -> None:
    home = ScriptedProvider("home", CUT)
    home.models = tuple(one.model_copy(update={"context": None, "max_output": None}) for one in home.models)
    async with make_client(home) as client:
        (warning,) = await ask(client, streamed=False)
    assert warning == "the answer was cut off by home/m, or at max_tokens = 4,096: name a larger one"
