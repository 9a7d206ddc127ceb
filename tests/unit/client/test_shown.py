"""What a person sees of an answer in a REPL, and the short ways to its parts."""

from __future__ import annotations

import pytest

from shunpike.errors import UsageError
from shunpike.types import Answer, Choice, FunctionCall, Message, ToolCall
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

WIDTH = 140


def called() -> Answer:
    call = ToolCall(id="call_1", function=FunctionCall(name="weather", arguments='{"city": "Ulm"}'))
    message = Message(role="assistant", tool_calls=(call,))
    return Answer(model="m", choices=(Choice(message=message, finish_reason="tool_calls"),))


async def test_the_repr_of_an_answer_fits_a_line(make_client: MakeClient) -> None:
    told = "A shunpike is a side road.\nA shunpike has these miles: " + " ".join(map(str, range(3_000)))
    async with make_client(ScriptedProvider("acme", answer(told))) as client:
        done = await client.complete("hello")
    assert repr(done) == "<Completion 'A shunpike is a side road. A shunpike … · acme/m · 8,010 tokens · $0.00>"
    assert str(done) == told
    assert "\n" not in repr(done.decision)
    assert len(repr(done.decision)) < WIDTH


async def test_the_repr_of_an_answer_names_the_tools_that_it_calls(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("acme", called())) as client:
        done = await client.complete("weather?", tools=[{"type": "function", "function": {"name": "weather"}}])
    assert repr(done) == f"<Completion calls weather · acme/m · {done.usage.total_tokens} tokens · $0.00>"
    assert (done.finish_reason, done.tool_calls[0].function.name) == ("tool_calls", "weather")
    assert done.message is done.choices[0].message


async def test_a_stream_has_message_and_finish_reason_after_its_end(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("acme", answer("fine", finish="length"))) as client:
        stream = client.stream("hello")
        assert repr(stream) == "<Stream not begun>"
        async with stream:
            assert repr(stream) == "<Stream acme>"
            for name in ("message", "finish_reason"):
                with pytest.raises(UsageError, match="read all chunks first"):
                    getattr(stream, name)
            async for _ in stream:
                pass
        assert (stream.message.text, stream.finish_reason) == ("fine", "length")
        assert stream.completion.finish_reason == "length"
        assert repr(stream) == "<Stream of <Completion 'fine' · acme/m · 10 tokens · $0.00>>"


async def test_the_repr_of_an_answer_of_odd_characters_is_short_too(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("acme", answer("\u200b\x1b[31m" * 50))) as client:
        done = await client.complete("hello")
    assert repr(done).isprintable()
    assert len(repr(done)) < WIDTH


async def test_a_model_that_bears_its_providers_name_is_not_said_twice(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("acme", answer("fine", model="acme/one"))) as client:
        done = await client.complete("hello")
    assert "· acme/one ·" in repr(done)
    named = done.decision.attempts[0].model_copy(update={"model": "acme/one"})
    decision = done.decision.model_copy(update={"attempts": (named,)})
    assert repr(decision) == "<Decision 'auto' by priority: candidates: 1, tried: acme/one answered>"
