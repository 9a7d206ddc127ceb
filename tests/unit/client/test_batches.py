"""Who waits for an answer, and what counts its prompt: from the caller's option down to what is held."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, UsageError
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Tokenizer
from shunpike.tokens import PER_MESSAGE
from shunpike.types import Calendar, Limit, Pace, Unit
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

DAY = Limit(unit=Unit.REQUEST, amount=10, window=Calendar(period="day"))
TOKENS = Limit(unit=Unit.INPUT_TOKEN, amount=10**6, window=Calendar(period="day"), counts="reserved")
"""What was held is kept, so that it can be looked at."""
RESERVED = Pace(interactive_share="20%")


async def take(client: Client, count: int) -> None:
    for _ in range(count):
        await client.complete("hello", priority="batch")


async def test_a_batch_leaves_what_is_reserved_for_persons(make_client: MakeClient) -> None:
    """The reason stands in the record of the decision."""
    async with make_client(ScriptedProvider("only", limits=(DAY,)), pace=RESERVED) as client:
        await take(client, 8)
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello", priority="batch")
        (candidate,) = caught.value.decision.candidates
        assert "paced: 8 of 10 requests / day (UTC) used" in str(candidate.reason)
        assert caught.value.retry_at is not None
        async with client.stream("hello") as chunks:
            assert [chunk.text async for chunk in chunks]
        await client.complete("hello", priority="interactive")
        with pytest.raises(Exhausted):
            await client.complete("hello")


async def test_a_batch_that_is_held_back_goes_elsewhere(make_client: MakeClient) -> None:
    one, two = ScriptedProvider("one", limits=(DAY,)), ScriptedProvider("two", answer("from two"))
    async with make_client(one, two, pace=RESERVED) as client:
        await take(client, 8)
        assert (await client.complete("hello", priority="batch")).text == "from two"
        assert (await client.complete("hello")).provider == "one"


async def test_without_a_reserve_a_batch_is_like_any_other(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", limits=(DAY,))) as client:
        await take(client, 10)


async def test_another_word_is_refused(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError, match="priority must be interactive or batch, got 'later'"):
            await client.complete("hello", priority="later")  # type: ignore[arg-type]  # what is tested


class Words:
    """Counts words, and how often it was asked."""

    label = "words"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count(self, text: str) -> int:
        self.asked.append(text)
        return len(text.split())


class Counts:
    """A plugin that counts for one model."""

    def __init__(self, words: Words, models: Sequence[str]) -> None:
        self._words, self._models = words, models

    @hookimpl
    def shunpike_tokenizer(self, model: str) -> Tokenizer | None:
        return self._words if model in self._models else None


async def held(client: Client, prompt: str) -> dict[str, int]:
    """Return provider → the input tokens that one request held there."""
    with pytest.raises(Exhausted):
        await client.complete(prompt)
    return {target.name: one.used for target, one in await client.limits() if one.limit.unit is Unit.INPUT_TOKEN}


async def test_a_prompt_is_counted_by_the_models_own_vocabulary_once(make_client: MakeClient) -> None:
    """Two models of one vocabulary share a count; a third is estimated."""
    prompt, words = "sentences of longer words " * 50, Words()
    scripted = [ScriptedProvider(name, answer(""), limits=(TOKENS,)) for name in ("one", "two", "three")]
    for one in scripted:
        one.models = (one.model(f"m-{one.name}"),)
    client = make_client(*scripted)
    client.host.register(Counts(words, ["m-one", "m-two"]), "counts")
    async with client:
        found = await held(client, prompt)
        counted = await client.count_tokens(prompt, model="one/m-one")
    assert found["one"] == found["two"] == 200 + PER_MESSAGE
    assert found["three"] > found["two"]
    assert words.asked.count(prompt) == 2, "once for the request, once for the question how many there are"
    assert (counted.tokens, counted.by) == (200 + PER_MESSAGE, "words")
