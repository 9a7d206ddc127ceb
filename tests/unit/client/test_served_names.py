"""A served model is priced as another one only where it is that model, under an alias or a date."""

from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.catalog import find_served
from shunpike.plugins import Host
from shunpike.runtime.prices import PriceBook
from shunpike.types import Billing, Budget, ModelInfo, Money, Price, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient

SEVEN = ("google", "together", "groq", "openrouter", "hyperbolic", "openai", "deepseek")
CATALOGS: dict[str, tuple[ModelInfo, ...]] = {
    name: import_module(f"shunpike_{name}").plugin.shunpike_models(name) for name in SEVEN
}
PAIRS = st.sampled_from(SEVEN).flatmap(
    lambda name: st.tuples(st.sampled_from(CATALOGS[name]), st.sampled_from(CATALOGS[name]))
)
HAIKU = "anthropic/claude-haiku-4.5"
DATES = ("-2026-08-06", "-20260806", "-08-06", "-0806", "-2608")


def served(provider: str, asked: str, name: str) -> str | None:
    models = CATALOGS[provider]
    found = find_served(models, next(one for one in models if one.id == asked), name)
    return None if found is None else found.id


@given(PAIRS, st.booleans())
def test_a_model_of_the_catalog_is_never_taken_for_another(pair: tuple[ModelInfo, ModelInfo], shout: bool) -> None:
    asked, other = pair
    found = find_served(CATALOGS[asked.provider], asked, other.id.upper() if shout else other.id)
    assert found == other


@given(PAIRS, st.sampled_from(DATES))
def test_a_date_behind_a_name_changes_nothing_of_whose_it_is(pair: tuple[ModelInfo, ModelInfo], day: str) -> None:
    asked, other = pair
    plain, colon, variant = other.id.partition(":")
    found = find_served(CATALOGS[asked.provider], asked, f"{plain}{day}{colon}{variant}")
    # A dated row of its own wins, as it should.
    assert found is not None
    assert found.id in (other.id, f"{plain}{day}{colon}{variant}")


@given(PAIRS, st.from_regex(r"-[a-z]{2,12}(-[a-z0-9]{1,8}){0,2}", fullmatch=True))
def test_a_name_that_only_begins_alike_is_another_model(pair: tuple[ModelInfo, ModelInfo], tail: str) -> None:
    asked, other = pair
    name = other.id + tail
    found = find_served(CATALOGS[asked.provider], asked, name)
    if found is not None:
        assert is_dated_or_called(found, name)


def is_dated_or_called(model: ModelInfo, name: str) -> bool:
    """Written once more, in other words, so that the rule is not judged by itself."""
    for one in (model.id, *model.aliases):
        for known in (one, one.rsplit("/", 1)[-1]):
            rest = name.casefold().rpartition(known.casefold())[2] if known.casefold() in name.casefold() else name
            if not rest.strip("-0123456789"):
                return True
    return False


@pytest.mark.parametrize(
    ("provider", "asked", "name", "meant"),
    [
        ("openai", "gpt-4o-mini", "gpt-4o-mini-audio-preview", None),
        ("openai", "gpt-4o-mini", "gpt-4o-mini-audio-preview-2024-12-17", None),
        ("openai", "gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai", "gpt-4o", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai", "gpt-4o", "gpt-4o-search-preview", None),
        ("openai", "gpt-4", "gpt-4-0613", "gpt-4"),
        ("openai", "gpt-4", "gpt-4-32k-0613", None),
        ("openai", "gpt-3.5-turbo", "gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
        ("openai", "gpt-5", "gpt-5-pro-2025-10-06", None),
        ("openai", "o3", "o3-deep-research-2025-06-26", None),
        ("openai", "text-embedding-ada-002", "text-embedding-ada-002-v2", "text-embedding-ada-002"),
        ("google", "gemini-2.5-flash", "models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("google", "gemini-2.5-flash", "gemini-2.5-flash-image", None),
        ("google", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-flash-lite"),
        ("google", "gemini-2.5-flash", "gemini-2.5-flash-preview-05-20", None),
        ("groq", "openai/gpt-oss-120b", "gpt-oss-120b", "openai/gpt-oss-120b"),
        ("groq", "openai/gpt-oss-20b", "openai/gpt-oss-safeguard-20b", "openai/gpt-oss-safeguard-20b"),
        ("groq", "groq/compound", "compound", "groq/compound"),
        ("together", "Qwen/Qwen3.5-9B", "qwen/qwen3.5-9b", "Qwen/Qwen3.5-9B"),
        ("together", "openai/gpt-oss-120b", "other/gpt-oss-120b", None),
        ("openrouter", "openai/text-embedding-3-small", "text-embedding-3-small", "openai/text-embedding-3-small"),
        ("openrouter", "z-ai/glm-5.3", "z-ai/glm-5.3-20260915", "z-ai/glm-5.3"),
        ("openrouter", "z-ai/glm-5.2:free", "z-ai/glm-5.2-20260615:free", "z-ai/glm-5.2:free"),
        ("openrouter", "z-ai/glm-5.2:free", "z-ai/glm-5.2", None),
        ("openrouter", "qwen/qwen3.8-27b", "qwen/qwen3.8-27b:free", "qwen/qwen3.8-27b:free"),
        ("openrouter", "qwen/qwen3.8-27b", "qwen/qwen3.8-27b:nitro", None),
        ("openrouter", HAIKU, "anthropic/claude-4.5-haiku-20251001", HAIKU),
        ("openrouter", "deepseek/deepseek-v4-pro-0813", "deepseek/deepseek-v4-pro", None),
        ("hyperbolic", "deepseek-ai/DeepSeek-R1-0528", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", None),
    ],
)  # fmt: skip
def test_names_of_answers_mean_what_they_say(provider: str, asked: str, name: str, meant: str | None) -> None:
    assert served(provider, asked, name) == meant


def test_an_answer_without_a_name_is_the_model_that_was_asked() -> None:
    provider = ScriptedProvider("p")
    host = Host()
    host.register(provider, "p")
    book = PriceBook(host, VirtualClock(START), provider.models)
    assert book.served(provider.models[0], "", 1) == provider.price


async def test_an_answer_of_a_model_that_nobody_knows_is_booked_at_the_worst_case(make_client: MakeClient) -> None:
    """`gpt-4o-mini-audio-preview` was priced as `gpt-4o-mini`, whose name it begins with."""
    told = answer("hi", model="mini-audio-preview", usage=Usage(prompt_tokens=5, completion_tokens=1))
    only = ScriptedProvider("only", told, billing=Billing.CARD, price=Price.per_million("1", "1"))
    only.models = (only.model("mini"),)
    async with make_client(only, allow_paid=True, budgets=(Budget(amount=Money.usd("1"), period="day"),)) as client:
        done = await client.complete("hi", model="only/mini", max_tokens=100)
        (row,) = await client.usage(0, START * 2)
    assert row.unconfirmed == 1
    assert row.cost == done.cost
    assert done.cost.pico > 6_000_000
    assert done.list_price is None
    assert not done.cost_exact
