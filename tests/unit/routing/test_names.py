"""What a model name means."""

from __future__ import annotations

from datetime import date

import pytest

from shunpike.errors import UnknownModel
from shunpike.protocols import Target
from shunpike.routing.names import wanted_models
from shunpike.types import Billing, ModelInfo, ProviderInfo, Tier

DAY = date(2026, 11, 22)


def model(provider: str, name: str, **more: object) -> ModelInfo:
    return ModelInfo.model_validate({"provider": provider, "id": name, "as_of": DAY, "source": "t", **more})


def target(name: str, one: ModelInfo) -> Target:
    tier = Tier(name="free", billing=Billing.NONE)
    info = ProviderInfo(
        id=one.provider, title="", base_url="", default_tier="free", tiers=(tier,), as_of=DAY, source="t"
    )
    return Target(provider=info, name=name, model=one, account="default", tier="free", order=1)


OSS = model("quick", "openai/gpt-oss-120b")
FREE = model("market", "openai/gpt-oss-120b:free")
DOLL = model("market", "dolly-2", aliases=("dolly-latest",))
GONE = model("quick", "llama-3", status="retired", retired_on=date(2026, 8, 16), successor="openai/gpt-oss-120b")
DEAD = model("quick", "parrot-1", status="retired")
CATALOG = (OSS, FREE, DOLL, GONE, DEAD)
TARGETS = tuple(target(one.provider, one) for one in CATALOG if one.status != "retired")
NAMES = ("quick", "market", "openai")


def named(name: str) -> set[str]:
    wanted = wanted_models(name, TARGETS, CATALOG, NAMES)
    return {one.label for one in TARGETS if wanted.matches(one)}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("auto", {"quick/openai/gpt-oss-120b", "market/openai/gpt-oss-120b:free", "market/dolly-2"}),
        ("market/auto", {"market/openai/gpt-oss-120b:free", "market/dolly-2"}),
        ("quick/openai/gpt-oss-120b", {"quick/openai/gpt-oss-120b"}),
        ("gpt-oss-120b", {"quick/openai/gpt-oss-120b", "market/openai/gpt-oss-120b:free"}),
        ("GPT-OSS-120B", {"quick/openai/gpt-oss-120b", "market/openai/gpt-oss-120b:free"}),
        ("dolly-latest", {"market/dolly-2"}),
    ],
)
def test_a_name_stands_for(name: str, labels: set[str]) -> None:
    assert named(name) == labels


def test_a_models_own_slash_is_not_taken_for_a_provider() -> None:
    """``openai`` is a provider here, but the model of that name is another's."""
    assert "quick/openai/gpt-oss-120b" in named("openai/gpt-oss-120b")


def test_a_retired_model_names_its_successor_and_day() -> None:
    with pytest.raises(UnknownModel, match="was retired on 2026-08-16 by quick") as caught:
        named("llama-3")
    assert caught.value.successor == "openai/gpt-oss-120b"
    assert caught.value.hint == "use its successor: -m quick/openai/gpt-oss-120b"


def test_a_retired_model_without_successor_points_to_the_list() -> None:
    with pytest.raises(UnknownModel, match="was retired by quick") as caught:
        named("parrot-1")
    assert caught.value.hint == "see: shunpike models"


def test_a_misspelt_model_gets_a_suggestion() -> None:
    with pytest.raises(UnknownModel, match='"gpt-oss-12b".*Did you mean "openai/gpt-oss-120b'):
        named("gpt-oss-12b")


def test_a_providers_name_alone_is_no_model() -> None:
    with pytest.raises(UnknownModel, match='"quick" is a provider, not a model'):
        named("quick")


FAMILY = "makers/Llama-9-70B-Instruct"
AT_QUICK = model("quick", "llama-9-70b-versatile", family=FAMILY, status="retired")
AT_MARKET = model("market", "makers/llama-9-70b-instruct:free", family=FAMILY)
AT_SHOP = model("shop", "makers/Llama-9-70B-Instruct-Turbo", family=FAMILY)
SAME = (AT_QUICK, AT_MARKET, AT_SHOP)


@pytest.mark.parametrize(
    "name", [FAMILY, "llama-9-70b-instruct", "llama-9-70b-versatile", "makers/llama-9-70b-instruct-turbo"]
)
def test_one_open_model_is_found_wherever_it_is_offered_under_any_of_its_names(name: str) -> None:
    targets = tuple(target(one.provider, one) for one in SAME)
    wanted = wanted_models(name, targets, SAME, NAMES)
    assert wanted.ids == {("market", AT_MARKET.id), ("shop", AT_SHOP.id)}


def test_a_model_that_is_named_at_one_provider_is_that_providers_own() -> None:
    targets = tuple(target(one.provider, one) for one in SAME)
    names = ("quick", "market", "shop")
    assert wanted_models("shop/llama-9-70b-instruct", targets, SAME, names).ids == {("shop", AT_SHOP.id)}
    with pytest.raises(UnknownModel, match="was retired by quick"):
        wanted_models("quick/llama-9-70b-versatile", targets, SAME, names)
