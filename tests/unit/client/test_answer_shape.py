"""An answer as an object of the caller's own type: the schema that is sent, and answers that don't fit it."""

from __future__ import annotations

import sys
import traceback
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, RootModel, create_model, field_validator
from typing_extensions import TypedDict

from shunpike.client.answer_shape import response_format
from shunpike.errors import BadAnswer, Exhausted, UsageError
from shunpike.types import Answer, Choice, Chunk, FunctionCall, Message, ToolCall, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient


class Tone(StrEnum):
    WARM = "warm"
    COLD = "cold"


class Colour(BaseModel):
    name: str
    tone: Tone = Tone.WARM
    default: int | None = None


class Palette(BaseModel):
    """Some colours."""

    colours: list[Colour]
    best: Annotated[Colour, Field(description="the one to take")]


@dataclass
class Point:
    x: int
    y: int = 0


class Address(TypedDict):
    city: str


class OldAddress(typing.TypedDict):
    city: str


class Anything(BaseModel):
    fields: dict[str, int]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Broken(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _fails(cls, value: str) -> str:
        raise KeyError(value)


class Tree(BaseModel):
    leaf: str
    twin: Annotated[Tree | None, Field(description="another")] = None
    trees: list[Tree] = []


class Knot(BaseModel):
    next: Annotated[Knot, Field(description="without end")]


class Unwritable(BaseModel):
    made: type[Any]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Colour, '{"name": "red", "tone": "cold"}', Colour(name="red", tone=Tone.COLD)),
        (Point, '{"x": 1, "y": 2}', Point(1, 2)),
        (Address, '{"city": "Ulm"}', {"city": "Ulm"}),
    ],
)
async def test_an_answer_is_the_object_that_was_asked_for(
    make_client: MakeClient, kind: type[Any], text: str, value: object
) -> None:
    only = ScriptedProvider("only", answer(text))
    async with make_client(only) as client:
        done = await client.complete("which?", response_format=kind)
        async with client.stream("which?", response_format=kind) as stream:
            async for _ in stream:
                pass
    assert done.parsed == stream.completion.parsed == value
    assert type(done.parsed) is type(value)
    assert done.text == text
    sent = only.backend.calls[0].request.response_format
    assert sent is not None
    assert (sent["type"], sent["json_schema"]["name"], sent["json_schema"]["strict"]) == (
        "json_schema",
        kind.__name__,
        True,
    )
    assert "parsed" not in done.model_dump()


async def test_an_answer_that_does_not_fit_goes_to_the_next_provider_with_its_reason(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", answer('{"name": "red", "tone": "loud"}'))
    second = ScriptedProvider("second", answer('{"name": "blue"}'))
    async with make_client(first, second) as client:
        done = await client.complete("which?", response_format=Colour)
        rows = {row.provider: row for row in await client.usage(0, START * 2)}
    assert done.parsed == Colour(name="blue")
    assert done.attempts[0].error == "schema_invalid"
    assert done.attempts[0].message == "the answer is no Colour: tone must be 'warm' or 'cold', got 'loud'"
    assert rows["first"].completion_tokens == 3  # it was billed


async def test_where_no_answer_fits_the_error_says_what_is_wrong_with_each(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", answer('{"tone": "warm"}'))) as client:
        with pytest.raises(Exhausted, match="the answer is no Colour: name is missing"):
            await client.complete("which?", response_format=Colour, wait=False)


async def test_a_streamed_answer_that_does_not_fit_ends_with_an_error_and_is_booked(make_client: MakeClient) -> None:
    usage = Usage(prompt_tokens=7, completion_tokens=3)
    chunks = [Chunk(text='{"tone": "warm"}'), Chunk(finish_reason="stop", usage=usage)]
    first, second = ScriptedProvider("first", chunks), ScriptedProvider("second")
    async with make_client(first, second) as client:
        with pytest.raises(BadAnswer, match="the answer is no Colour: name is missing") as caught:
            async for _ in client.stream("which?", response_format=Colour):
                pass
        rows = {row.provider: row for row in await client.usage(0, START * 2)}
    assert (caught.value.kind, caught.value.elsewhere) == ("schema_invalid", False)
    assert (rows["first"].completion_tokens, rows["first"].held) == (3, 0)
    assert second.backend.calls == []


async def test_a_validator_that_breaks_is_told_as_an_answer_that_does_not_fit(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", answer('{"name": "red"}'))) as client:
        with pytest.raises(Exhausted, match="the answer is no Broken: KeyError: 'red'"):
            await client.complete("which?", response_format=Broken, wait=False)
        assert sum(row.held for row in await client.usage(0, START * 2)) == 0


async def test_an_answer_that_calls_a_tool_instead_is_not_read(make_client: MakeClient) -> None:
    call = ToolCall(id="call_1", function=FunctionCall(name="look"))
    message = Message(role="assistant", tool_calls=(call,))
    only = ScriptedProvider("only", Answer(model="m", choices=(Choice(message=message, finish_reason="tool_calls"),)))
    tools = [{"type": "function", "function": {"name": "look"}}]
    async with make_client(only) as client:
        done = await client.complete("which?", response_format=Colour, tools=tools)
    assert (done.parsed, done.tool_calls) == (None, (call,))


def test_the_schema_of_a_type_is_in_the_strict_form() -> None:
    """Every object names all its fields as required and allows no others; no defaults, a reference stands alone."""
    made = response_format("response_format", Palette)["json_schema"]
    assert made["strict"]
    schema = made["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["colours", "best"], False)
    colour = schema["$defs"]["Colour"]
    assert (colour["required"], colour["additionalProperties"]) == (["name", "tone", "default"], False)
    assert "default" in colour["properties"]
    assert "default" not in colour["properties"]["tone"]
    assert schema["properties"]["colours"]["items"] == {"$ref": "#/$defs/Colour"}
    assert schema["properties"]["best"]["description"] == "the one to take"
    assert "$ref" not in schema["properties"]["best"]
    pet = response_format("response_format", Owner)["json_schema"]["schema"]["properties"]["pet"]
    assert (set(pet), len(pet["anyOf"])) == ({"anyOf", "title"}, 2)


def test_a_type_that_holds_itself_has_a_schema_too() -> None:
    made = response_format("response_format", Tree)["json_schema"]
    assert made["schema"]["properties"]["trees"]["items"] == {"$ref": "#/$defs/Tree"}
    assert made["schema"]["required"] == ["leaf", "twin", "trees"]
    assert response_format("response_format", Knot)["json_schema"]["strict"]


def test_a_type_with_names_that_nobody_knows_is_sent_as_it_is() -> None:
    made = response_format("response_format", Anything)["json_schema"]
    assert not made["strict"]
    assert made["schema"]["properties"]["fields"]["additionalProperties"] == {"type": "integer"}


@pytest.mark.parametrize("kind", [Any, list[Any]])
def test_a_type_with_a_field_of_any_type_is_not_in_the_strict_form(kind: Any) -> None:
    """Services that check the strict form refuse a field without a type."""
    loose = create_model("Loose", items=(kind, ...), properties=(int, ...))
    assert not response_format("response_format", loose)["json_schema"]["strict"]
    assert response_format("r", create_model("Named", items=(str, ...), properties=(int, ...)))["json_schema"]["strict"]


def test_a_type_of_which_no_schema_can_be_made_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no JSON schema can be made of Unwritable") as caught:
        response_format("response_format", Unwritable)
    assert "types that JSON has" in str(caught.value.hint)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there it will do")
async def test_a_typed_dict_that_pydantic_can_not_read_is_refused_with_the_import_that_will_do(
    make_client: MakeClient,
) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError, match="no JSON schema can be made of OldAddress") as caught:
            await client.complete("hi", response_format=OldAddress)
    assert caught.value.hint == "from typing_extensions import TypedDict"
    assert "pydantic.errors" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", [RootModel[list[int]], RootModel[Cat | Dog], RootModel[Any]])
def test_a_type_that_is_no_object_is_refused_with_the_way_to_ask_for_it(kind: Any) -> None:
    """It was sent in the strict form, which takes nothing but an object."""
    with pytest.raises(UsageError, match="is no object, which the whole of an answer must be") as caught:
        response_format("response_format", kind)
    assert "put it into a field" in str(caught.value.hint)


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WANTED = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}


async def test_an_answer_that_does_not_fit_the_schema_is_asked_for_elsewhere(make_client: MakeClient) -> None:
    """It was returned: only that it is JSON was looked at."""
    bad, good = ScriptedProvider("bad", answer('{"town": "Ulm"}')), ScriptedProvider("good", answer('{"city": "Ulm"}'))
    async with make_client(bad, good) as client:
        done = await client.complete("Where?", response_format=WANTED)
    assert (done.provider, done.parsed) == ("good", {"city": "Ulm"})
    assert [attempt.error for attempt in done.attempts] == ["schema_invalid", None]
    assert '"city" is a required property' in str(done.attempts[0].message)


@pytest.mark.parametrize(
    ("wanted", "text", "kind"),
    [
        (WANTED, '{"city": 5}', "schema_invalid"),
        ({"type": "json_object"}, "no JSON", "schema_invalid"),
        ({"type": "json_object"}, '{"a": NaN}', "schema_invalid"),
    ],
)
async def test_a_stream_that_does_not_fit_is_told_at_its_end(
    make_client: MakeClient, wanted: dict[str, Any], text: str, kind: str
) -> None:
    async with make_client(ScriptedProvider("only", answer(text))) as client:
        with pytest.raises(BadAnswer) as caught:
            async with client.stream("Where?", response_format=wanted) as stream:
                assert "".join([chunk.text async for chunk in stream])
    assert caught.value.kind == kind


async def test_a_stream_gives_what_was_asked_for_when_it_is_over(make_client: MakeClient) -> None:
    async with (
        make_client(ScriptedProvider("only", answer('{"city": "Ulm"}'))) as client,
        client.stream("Where?", response_format=WANTED) as stream,
    ):
        assert [chunk async for chunk in stream]
        assert stream.completion.parsed == {"city": "Ulm"}


async def test_json_without_a_schema_is_read_as_well(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", answer('{"a": [1]}'))) as client:
        assert (await client.complete("hi", response_format={"type": "json_object"})).parsed == {"a": [1]}
        assert (await client.complete("hi")).parsed is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strng"}, "strng"),
        ({"$ref": "https://example.com/x.json"}, "must point into the schema itself"),
        ({"type": "string", "pattern": "(?=a)a"}, "regex"),
    ],
)
async def test_a_schema_that_can_not_be_checked_is_refused_before_anything_is_sent(
    make_client: MakeClient, schema: dict[str, Any], said: str
) -> None:
    only = ScriptedProvider("only")
    async with make_client(only) as client:
        with pytest.raises(UsageError, match=r"response_format\.json_schema\.schema can't be checked") as caught:
            await client.complete("hi", response_format={**WANTED, "json_schema": {"name": "x", "schema": schema}})
    assert said in caught.value.message
    assert not only.backend.calls
