"""Requests that a face has read itself: no option is looked at again, and an id that is new is not looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.client import Client
from shunpike.errors import AttemptExists, Overloaded
from shunpike.runtime.wishes import Wishes
from shunpike.tokens import prompt_tokens
from shunpike.types import ChatRequest, Chunk, EmbedRequest
from shunpike_testkit.scripted import ScriptedProvider

from ..capabilities.scripted_embedding import EmbeddingProvider  # noqa: TID252 - the tests are no package
from .conftest import MakeClient

HELLO = ChatRequest.model_validate({"messages": [{"role": "user", "content": "hello"}]})


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of which the store was asked what it knows."""
    asked: list[str] = []
    whole = MemoryStore.attempts_of

    async def attempts_of(self: MemoryStore, request_id: str) -> Any:
        asked.append(request_id)
        return await whole(self, request_id)

    monkeypatch.setattr(MemoryStore, "attempts_of", attempts_of)
    return asked


async def opened(client: Client, wishes: Wishes) -> str:
    async with client.open(HELLO, wishes) as stream:
        async for _ in stream:
            pass
    return stream.completion.request_id


async def test_a_ready_request_is_answered_streamed_and_embedded_as_one_with_options_is(
    make_client: MakeClient,
) -> None:
    async with make_client(EmbeddingProvider("north")) as client:
        done = await client.answer(HELLO, Wishes(tag="docs", request_id="one"))
        assert (done.provider, done.request_id, (await client.explain("one")).tag) == ("north", "one", "docs")
        assert await opened(client, Wishes(request_id="two")) == "two"
        assert (await client.explain("two")).streamed
        texts = EmbedRequest(model="north/embed-1", input=("a",))
        assert len((await client.vectors(texts, Wishes(request_id="three"))).vectors) == 1


async def test_who_answers_a_stream_and_after_how_many_attempts_is_known_at_its_opening(
    make_client: MakeClient,
) -> None:
    first = ScriptedProvider("first", Overloaded("busy", provider="first", status=503))
    told = [Chunk(model="served-1"), Chunk(text="hi", system_fingerprint="fp"), Chunk(finish_reason="stop")]
    async with make_client(first, ScriptedProvider("second", told)) as client:
        stream = client.open(HELLO, Wishes())
        assert (stream.provider, stream.model, stream.attempts) == (None, None, 0)
        assert stream.prompt_tokens is None
        async with stream:
            assert (stream.provider, stream.model, stream.attempts) == ("second", "served-1", 2)
            assert stream.prompt_tokens == prompt_tokens(HELLO)
            async for _ in stream:
                pass
            assert stream.attempts == 2
    assert stream.completion.openai()["system_fingerprint"] == "fp"


async def test_what_the_request_holds_and_what_is_wished_for_is_left_as_it_is(make_client: MakeClient) -> None:
    asked = HELLO.model_copy(update={"model": "north/m", "temperature": 0.5})
    wishes = Wishes(max_cost=None, session="s")
    before = replace(wishes)
    north, south = ScriptedProvider("north"), ScriptedProvider("south")
    async with make_client(south, north) as client:
        await client.answer(asked, wishes)
    assert (len(north.backend.calls), len(south.backend.calls), wishes) == (1, 0, before)
    assert north.backend.calls[0].request.temperature == 0.5


async def test_an_id_that_was_just_made_is_not_looked_up_and_any_other_is(
    make_client: MakeClient, lookups: list[str]
) -> None:
    async with make_client(ScriptedProvider("north")) as client:
        new = client.runtime.planner.new_id()
        assert (await client.answer(HELLO, Wishes(request_id=new, is_new_id=True))).request_id == new
        assert await opened(client, Wishes(request_id="s-1", is_new_id=True)) == "s-1"
        assert lookups == []
        await client.answer(HELLO, Wishes(request_id="mine"))
        assert lookups == ["mine"]


async def test_an_id_that_was_called_new_and_is_not_is_still_asked_once(make_client: MakeClient) -> None:
    north = ScriptedProvider("north")
    async with make_client(north) as client:
        await client.answer(HELLO, Wishes(request_id="one", is_new_id=True))
        with pytest.raises(AttemptExists):
            await client.answer(HELLO, Wishes(request_id="one", is_new_id=True))
    assert len(north.backend.calls) == 1
