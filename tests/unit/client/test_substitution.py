"""A named model answers itself: whoever puts another in its place is told of, and where it is strict not taken."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.errors import BadAnswer, Exhausted
from shunpike.protocols import Target
from shunpike.routing.substitution import is_same
from shunpike.types import Chunk, ModelInfo, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

SEVEN = ("google", "together", "groq", "openrouter", "hyperbolic", "openai", "deepseek")
CATALOGS = {name: import_module(f"shunpike_{name}").plugin for name in SEVEN}
MODELS = st.sampled_from(SEVEN).flatmap(lambda name: st.sampled_from(CATALOGS[name].shunpike_models(name)))
END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))


def target_of(model: ModelInfo) -> Target:
    (info,) = CATALOGS[model.provider].shunpike_providers()
    return Target(
        provider=info, name=info.id, model=model, account="default", tier=info.default_tier, order=0, paid=False
    )


@given(MODELS, st.sampled_from(["", "-2026-08-06", "-20260806"]))
def test_every_model_of_every_catalog_is_itself_under_each_of_its_names(model: ModelInfo, day: str) -> None:
    target = target_of(model)
    for name in (model.id, *model.aliases):
        plain, colon, variant = name.partition(":")
        assert is_same(target, f"{plain}{day}{colon}{variant}")
        assert is_same(target, name.rsplit("/", 1)[-1].upper())


@pytest.mark.parametrize("other", ["m-mini", "m2", "another/model"])
async def test_another_model_in_its_place_is_told_of(make_client: MakeClient, other: str) -> None:
    only = ScriptedProvider("only", answer("hi", model=other))
    async with make_client(only) as client:
        done = await client.complete("hello", model="only/m")
        kept = await client.explain(done.request_id)
        auto = await client.complete("hello")
    warning = f"only answered with {other!r}, not with 'm'"
    assert done.warnings == (warning,) == kept.warnings
    assert (kept.requested_model, kept.served_model, done.model) == ("only/m", other, other)
    assert auto.warnings == (), "where none was named, none was replaced"


async def test_where_it_is_strict_the_next_that_has_the_model_answers(make_client: MakeClient) -> None:
    """The same model at another provider is no other model."""
    first, second = ScriptedProvider("first", answer("no", model="m-mini")), ScriptedProvider("second", answer("yes"))
    async with make_client(first, second) as client:
        done = await client.complete("hello", model="m", strict=True)
    assert (done.text, done.provider, done.warnings) == ("yes", "second", ())
    assert [(one.provider, one.error) for one in done.attempts] == [("first", "substituted"), ("second", None)]


@pytest.mark.parametrize("options", [{}, {"on_bad_answer": "return"}])
async def test_where_it_is_strict_nobody_else_answers(make_client: MakeClient, options: dict[str, Any]) -> None:
    only = ScriptedProvider("only", answer("no", model="m-mini"))
    async with make_client(only, wait=False, timeout=5) as client:
        with pytest.raises((Exhausted, BadAnswer)) as caught:
            await client.complete("hello", model="only/m", strict=True, **options)
    assert "only answered with 'm-mini', not with 'm'" in str(caught.value)


async def test_a_strict_stream_falls_over_before_its_first_content(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", [Chunk(text="no", model="m-mini"), END])
    second = ScriptedProvider("second", [Chunk(text="yes", model="m"), END])
    async with make_client(first, second) as client:
        async with client.stream("hello", model="m", strict=True) as stream:
            text = "".join([str(chunk) async for chunk in stream])
        assert (text, stream.completion.provider) == ("yes", "second")
        async with client.stream("hello", model="m", providers="first") as stream:
            text = "".join([str(chunk) async for chunk in stream])
    assert text == "no"
    assert stream.completion.warnings == ("first answered with 'm-mini', not with 'm'",)
