"""Thinking and JSON of any backend, also of one that knows nothing of tags and fences, as a caller gets them."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.types import Chunk, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))
FENCED = '```json\n{"a": 1}\n```'
JSON: Any = {"type": "json_object"}


async def ask(make_client: MakeClient, *scripts: Any, **options: Any) -> Any:
    providers = [ScriptedProvider(f"p{place}", script) for place, script in enumerate(scripts)]
    async with make_client(*providers) as client:
        return await client.complete("hi", **options)


async def read(make_client: MakeClient, *scripts: Any, **options: Any) -> tuple[Any, list[Chunk]]:
    providers = [ScriptedProvider(f"p{place}", script) for place, script in enumerate(scripts)]
    async with make_client(*providers) as client, client.stream("hi", **options) as stream:
        chunks = [chunk async for chunk in stream]
        return stream.completion, chunks


@pytest.mark.parametrize(
    "text", [FENCED, f"<think>hm</think>\n\n{FENCED}\n", '\ufeff{"a": 1}', '<think>hm</think>{"a": 1}']
)
async def test_json_in_a_fence_or_behind_thinking_is_the_answer_and_nobody_else_is_asked(
    make_client: MakeClient, text: str
) -> None:
    whole = await ask(make_client, answer(text), answer('{"b": 2}'), response_format=JSON)
    streamed, chunks = await read(make_client, [Chunk(text=one) for one in text] + [END], response_format=JSON)
    for found in (whole, streamed):
        assert (found.text, found.provider, len(found.attempts)) == ('{"a": 1}', "p0", 1)
        assert found.choices[0].message.reasoning == ("hm" if "hm" in text else None)
    assert "".join(chunk.text for chunk in chunks) == '{"a": 1}' or text.startswith("\ufeff")


@pytest.mark.parametrize("text", [f"Here:\n{FENCED}", f"{FENCED}\nThere.", f"{FENCED}\n{FENCED}", FENCED[:-6]])
async def test_words_around_json_two_fences_and_half_of_it_are_no_json(make_client: MakeClient, text: str) -> None:
    found = await ask(make_client, answer(text), answer('{"b": 2}'), response_format=JSON)
    assert (found.text, found.provider) == ('{"b": 2}', "p1")


async def test_a_fence_stays_where_no_json_was_asked_for(make_client: MakeClient) -> None:
    assert (await ask(make_client, answer(FENCED))).text == FENCED
    assert (await read(make_client, [Chunk(text=FENCED), END]))[0].text == FENCED


async def test_thinking_alone_is_no_answer(make_client: MakeClient) -> None:
    found = await ask(make_client, answer("<think>hm</think>"), answer("two"))
    assert (found.text, found.provider) == ("two", "p1")


@pytest.mark.parametrize("text", ["[1]", '"a"', "1", "null"])
async def test_json_that_is_no_object_is_not_what_json_object_promises(make_client: MakeClient, text: str) -> None:
    found = await ask(make_client, answer(text), answer('{"b": 2}'), response_format=JSON)
    assert (found.text, found.provider) == ('{"b": 2}', "p1")
    assert found.attempts[0].message == f"asked for a JSON object, got {text!r}"
