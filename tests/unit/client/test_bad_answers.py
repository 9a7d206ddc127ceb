"""Answers that are none: each kind falls over, is counted apart, and what only looks odd is left alone."""

from __future__ import annotations

import pytest

from shunpike.errors import BadAnswer
from shunpike.types import AttemptFailed, Usage
from shunpike_testkit.scripted import Observer, ScriptedProvider, answer

from .conftest import START, MakeClient

LOOP = answer("I think that we should look at it again. " * 60, usage=Usage(prompt_tokens=20, completion_tokens=600))
NO = answer("I'm sorry, but I can't assist with that.")
GERMAN = answer(
    "Die Hauptstadt von Peru ist Lima, und sie liegt an der K\u00fcste des Landes. Die Stadt wurde im Jahr 1535 von den"
    " Spaniern gegr\u00fcndet und ist heute mit mehr als zehn Millionen Einwohnern die gr\u00f6\u00dfte des Landes."
)
PROMPT = "What is the capital of Peru, and when was it founded by the Spaniards?"
ODD = {"looping": LOOP, "refused": NO, "wrong_language": GERMAN}
JSON = {"type": "json_object"}


@pytest.mark.parametrize("kind", ODD)
async def test_an_answer_that_is_none_falls_over_and_is_counted_apart(make_client: MakeClient, kind: str) -> None:
    seen = Observer()
    async with make_client(ScriptedProvider("first", ODD[kind]), ScriptedProvider("second", answer("Lima"))) as client:
        client.runtime.host.register(seen, "seen")
        done = await client.complete(PROMPT)
        usage = {row.provider: (row.requests, row.answered) for row in await client.usage(START - 1, START + 3600)}

    assert (done.text, done.attempts[0].error, done.attempts[0].state) == ("Lima", kind, "settled")
    assert [one.error for one in seen.events if isinstance(one, AttemptFailed)] == [kind]
    assert usage == {"first": (1, 0), "second": (1, 1)}


@pytest.mark.parametrize("kind", ODD)
async def test_the_table_says_what_follows_each(make_client: MakeClient, kind: str) -> None:
    first, second = ScriptedProvider("first", ODD[kind]), ScriptedProvider("second", answer())
    async with make_client(first, second, fall_over={kind: "stop"}) as client:
        with pytest.raises(BadAnswer) as caught:
            await client.complete(PROMPT)

    assert (caught.value.kind, second.backend.calls) == (kind, [])


@pytest.mark.parametrize("kind", ODD)
async def test_what_was_shown_as_it_came_is_remarked_on(make_client: MakeClient, kind: str) -> None:
    async with make_client(ScriptedProvider("first", ODD[kind]), ScriptedProvider("second", answer())) as client:
        async with client.stream(PROMPT) as stream:
            async for _ in stream:
                pass
        done = stream.completion

    assert done is not None
    assert done.provider == "first"
    assert any(f"of no use ({kind})" in one for one in done.warnings)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1e400}', '{"a": -1e999}', '{"a": NaN}', '{"a": "\\ud800"}', '{"\\udc00": 1}', '{"a": "\ud83d"}'],
)
async def test_json_that_no_reader_takes_is_none(make_client: MakeClient, text: str) -> None:
    first, second = ScriptedProvider("first", answer(text)), ScriptedProvider("second", answer('{"a": 1}'))
    async with make_client(first, second) as client:
        done = await client.complete("hi", response_format=JSON)

    assert (done.provider, done.attempts[0].error) == ("second", "schema_invalid")


@pytest.mark.parametrize("text", ['{"a": 1e300}', '{"a": "\\ud83d\\ude00"}', '{"a": 12345678901234567890}'])
async def test_json_of_large_numbers_and_whole_characters_is_taken(make_client: MakeClient, text: str) -> None:
    async with make_client(ScriptedProvider("first", answer(text))) as client:
        assert (await client.complete("hi", response_format=JSON)).text == text


async def test_json_is_held_to_its_form_alone(make_client: MakeClient) -> None:
    """Rows that are alike are no loop, and keys are in whatever language the schema is."""
    rows = '{"rows": [' + ", ".join(['{"note": "there is nothing to say of this one"}'] * 60) + "]}"
    async with make_client(ScriptedProvider("first", answer(rows))) as client:
        assert (await client.complete("hi", response_format=JSON)).text == rows


async def test_a_model_that_often_answers_badly_is_known_by_it(make_client: MakeClient) -> None:
    bad, good = ScriptedProvider("first", *[LOOP] * 60), ScriptedProvider("second", *[answer("Lima")] * 60)
    async with make_client(bad, good) as client:
        for _ in range(30):
            await client.complete(PROMPT, task="geography")
        usable = client.runtime.planner._shared.performance.usable

    worse, well = usable.share("first/m", "geography"), usable.share("second/m", "geography")
    assert worse is not None
    assert well is not None
    assert worse < 0.5
    assert well > 0.9
    assert usable.share("third/m", "geography") is None
