"""Small models for simple requests, strong ones for hard ones, and no model below the quality that is asked for."""

from __future__ import annotations

import pytest

from shunpike.errors import ConfigError, Exhausted, UsageError
from shunpike.types import Cause
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

HARD = "Prove that each of these holds, unless the other does, and say why: " + "if x = 1 then y < 2. " * 60
KNOWN = {"small": {"quality": {"*": 0.4}}, "strong": {"quality": {"m": 0.9}}}


def two() -> tuple[ScriptedProvider, ScriptedProvider]:
    return ScriptedProvider("small", *[answer()] * 9), ScriptedProvider("strong", *[answer()] * 9)


async def test_the_strategy_works_by_its_name_alone(make_client: MakeClient) -> None:
    async with make_client(*two(), strategy="quality", providers=KNOWN) as client:
        simple, hard = await client.complete("What is 2 + 2?"), await client.complete(HARD)

    assert (simple.provider, hard.provider) == ("small", "strong")
    assert "looks hard" in hard.decision.candidates[0].why
    assert hard.decision.strategy == "quality"


async def test_the_strong_share_is_a_setting_and_a_wrong_one_is_named(make_client: MakeClient) -> None:
    told = {"strategy": "quality", "providers": KNOWN}
    async with make_client(*two(), **told, strategy_options={"strong_share": 1.0}) as client:
        assert (await client.complete("What is 2 + 2?")).provider == "strong"
    with pytest.raises(ConfigError, match="strong_share must be from 0 to 1, got 7"):
        async with make_client(*two(), **told, strategy_options={"strong_share": 7}) as client:
            await client.complete("hi")


async def test_no_model_below_the_quality_that_is_asked_for_is_asked(make_client: MakeClient) -> None:
    unknown = ScriptedProvider("unknown", answer())
    async with make_client(*two(), unknown, providers=KNOWN) as client:
        done = await client.complete("hi", min_quality=0.5)
        with pytest.raises(Exhausted) as caught:
            await client.complete("hi", min_quality=0.95)

    assert done.provider == "strong"
    assert {one.provider: one.reason for one in done.decision.candidates if one.cause is Cause.QUALITY} == {
        "small": "of quality 0.4, and at least 0.5 is asked for",
        "unknown": "of unknown quality, and at least 0.5 is asked for",
    }
    assert "lower min_quality" in str(caught.value.hint)


@pytest.mark.parametrize("wrong", [1.5, -0.1, True, "much"])
async def test_a_quality_that_cannot_be_is_rejected(make_client: MakeClient, wrong: object) -> None:
    async with make_client(*two()) as client:
        with pytest.raises(UsageError, match="min_quality must be a number from 0 to 1"):
            await client.complete("hi", min_quality=wrong)  # type: ignore[arg-type]  # the mistake itself


async def test_a_task_is_a_word_and_nothing_that_a_provider_gets(make_client: MakeClient) -> None:
    small, strong = two()
    async with make_client(small, strong) as client:
        await client.complete("hi", task="code", tag="docs")
        with pytest.raises(UsageError, match="task must be a word"):
            await client.complete("hi", task=5)  # type: ignore[arg-type]  # the mistake itself

    assert small.backend.calls[0].request.__pydantic_extra__ == {}
