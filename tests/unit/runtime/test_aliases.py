"""Aliases, rules and the default model, from the settings to the plan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shunpike.config import KeyStore, load
from shunpike.errors import ConfigError, Exhausted, UnknownModel, UsageError
from shunpike.plugins import Host
from shunpike.runtime.names import doubts
from shunpike.runtime.runtime import Runtime
from shunpike.types import FREE, Billing, EmbedRequest, Settings, Verdict
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider

from .test_planner import chat, names, planned, runtime_of


def provider(name: str, *models: str) -> ScriptedProvider:
    one = ScriptedProvider(name)
    one.models = tuple(one.model(model) for model in models or ("m",))
    return one


def three(**settings: Any) -> Runtime:
    return runtime_of(provider("a", "x", "y"), provider("b", "x"), provider("c", "z"), **settings)


async def test_the_listed_order_is_the_order_in_which_targets_are_asked() -> None:
    runtime = three(models={"fast": {"targets": ["c/z", "y", "auto"]}})
    context = await planned(runtime, chat(model="fast"))
    assert names(context) == ["c/z", "a/y", "a/x", "b/x"]
    assert (context.plan.alias, context.plan.rule) == ("fast", None)


async def test_an_alias_may_be_the_default_and_any_model_is_still_to_be_had() -> None:
    runtime = three(default_model="fast", models={"fast": {"targets": ["b/x"]}})
    by_default = await planned(runtime, chat())
    assert (names(by_default), by_default.request.model) == (["b/x"], "fast")
    assert len(names(await planned(runtime, chat(model="auto")))) == 4


async def test_an_alias_is_ranked_by_its_own_strategy_unless_the_call_names_one() -> None:
    runtime = three(models={"any": {"targets": ["c/z", "a/x"], "strategy": "priority"}})
    assert names(await planned(runtime, chat(model="any"))) == ["a/x", "c/z"]
    assert names(await planned(runtime, chat(model="any"), strategy="priority")) == ["a/x", "c/z"]


async def test_requests_are_shared_out_by_weight() -> None:
    shared = [{"model": "a/x", "weight": 3}, {"model": "b/x", "weight": 1}, "c/z"]
    runtime = three(models={"shared": {"targets": shared}})
    questions = [chat(f"question {number}", model="shared") for number in range(400)]
    seen = Counter([tuple(names(await planned(runtime, one))) for one in questions])
    assert set(seen) == {("a/x", "b/x", "c/z"), ("b/x", "a/x", "c/z")}
    assert 0.65 < seen["a/x", "b/x", "c/z"] / 400 < 0.85


async def test_what_is_free_stands_before_what_costs_also_in_an_alias() -> None:
    paid = ScriptedProvider("p", billing=Billing.CARD, price=FREE)
    runtime = runtime_of(
        paid,
        provider("a", "x"),
        allow_paid=True,
        budgets=[{"amount": "1.00", "period": "day"}],
        models={"best": {"targets": ["p/m", "a/x"]}},
    )
    assert names(await planned(runtime, chat(model="best"))) == ["a/x", "p/m"]


async def test_an_entry_that_nobody_has_is_left_out_with_the_reason() -> None:
    runtime = three(models={"fast": {"targets": ["gone/one", "b/x"]}, "none": {"targets": ["gone/one", "gone/two"]}})
    context = await planned(runtime, chat(model="fast"))
    assert names(context) == ["b/x"]
    (dropped,) = context.plan.dropped
    assert (dropped.provider, dropped.model, dropped.verdict) == ("gone", "one", Verdict.DROPPED)
    with pytest.raises(UnknownModel, match="gone/one"):
        await planned(runtime, chat(model="none"))


async def test_the_first_rule_that_fits_says_what_is_asked_instead() -> None:
    rules = [
        {"tag": "docs", "use": "small"},
        {"model": "gpt-*", "use": "auto"},
        {"max_input_tokens": 100, "model": "auto", "use": "c/z"},
    ]
    runtime = three(models={"small": {"targets": ["a/y"]}}, routing={"rule": rules})

    by_tag = await planned(runtime, chat(), tag="docs")
    assert (names(by_tag), by_tag.plan.rule, by_tag.plan.alias) == (["a/y"], "routing.rule[1]", "small")
    by_glob = await planned(runtime, chat(model="gpt-4o"))
    assert (len(names(by_glob)), by_glob.plan.rule) == (4, "routing.rule[2]")
    assert names(await planned(runtime, chat())) == ["c/z"]
    by_none = await planned(runtime, chat("many words " * 100))
    assert (len(names(by_none)), by_none.plan.rule) == (4, None)


async def test_only_these_providers_may_answer_whatever_an_alias_says() -> None:
    runtime = three(models={"fast": {"targets": ["c/z", "auto"]}})
    assert names(await planned(runtime, chat(model="fast"), providers=("a",))) == ["a/x", "a/y"]
    with pytest.raises(Exhausted, match="not among the providers"):
        await planned(three(models={"c": {"targets": ["c/z"]}}), chat(model="c"), providers=("a",))


async def test_an_alias_of_one_embedding_model_embeds_and_one_of_several_does_not() -> None:
    maker = ScriptedProvider("a")
    vectors = tuple(maker.model(name).model_copy(update={"kind": "embedding"}) for name in ("v", "w"))
    maker.models = (maker.model("m"), *vectors)
    runtime = runtime_of(maker, models={"one": {"targets": ["v"]}, "two": {"targets": ["v", "w"]}})
    assert names(await planned(runtime, EmbedRequest(model="one", input=("text",)))) == ["a/v"]
    with pytest.raises(UsageError, match="can't be compared"):
        await planned(runtime, EmbedRequest(model="two", input=("text",)))


def test_names_of_nobody_in_aliases_and_rules_are_doubts() -> None:
    settings = Settings.model_validate(
        {
            "default_model": "fast",
            "models": {"fast": {"targets": ["a/x", "nobody", "auto"], "strategy": "luck"}},
            "routing": {"rule": [{"use": "b/none"}]},
        }
    )
    found = [one.text for one in doubts(settings, three().host)]
    assert [text.partition(":")[0] for text in found] == [
        "models.fast.targets",
        "routing.rule[1].use",
        "models.fast.strategy",
    ]
    assert "called 'luck'" in found[-1]


FILE = """
default_model = "fast"

[models.fast]
targets = ["a/x", { model = "b/x", weight = 2 }]

[models."gpt-4.1"]
targets = ["fast"]

[[routing.rule]]
tools = true
use = "a/x"
"""


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(cwd=folder, environ={"SHUNPIKE_CONFIG": str(file), **environ}).settings


def test_they_are_read_of_a_file_and_of_variables(tmp_path: Path) -> None:
    found = loaded(tmp_path, FILE, SHUNPIKE_MODELS__GPT_4_1__TARGETS="b/x,auto")
    assert found.default_model == "fast"
    assert [(one.model, one.weight) for one in found.models["fast"].targets] == [("a/x", None), ("b/x", 2.0)]
    assert [one.model for one in found.models["gpt-4.1"].targets] == ["b/x", "auto"]
    assert [(one.tools, one.use) for one in found.routing.rule] == [(True, "a/x")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[models.a]\ntargets = ["b"]\n[models.b]\ntargets = ["a"]', "a -> b -> a"),
        ("[models.a]\ntargets = []", "should be a list of models"),
        ('[models.a]\ntargets = [{ model = "x", wieght = 2 }]', "Did you mean 'weight'"),
        ('[models.a]\ntargets = [{ model = "x", weight = "2" }]', "entry 1: weight"),
        ('[[routing.rule]]\nuse = "x"\ntols = true', "Did you mean 'tools'"),
        ('[[routing.rule]]\ntag = "x"', "entry 1: "),
        ('[[routing.rules]]\nuse = "x"', "routing.rules"),
    ],
)
def test_a_mistake_in_them_is_named_by_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        loaded(tmp_path, text)


def test_a_misspelt_part_of_an_alias_is_a_doubt(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[models.a]\ntarget = ["x"]', encoding="utf-8")
    (doubt,) = load(cwd=tmp_path, environ={"SHUNPIKE_CONFIG": str(file)}).doubts
    assert "Did you mean 'targets'" in doubt.text


def test_a_folders_file_makes_no_name_mean_another_model(tmp_path: Path) -> None:
    mine = tmp_path / "config.toml"
    mine.write_text('[models.fast]\ntargets = ["a/x"]', encoding="utf-8")
    theirs = '[models.new]\ntargets = ["b/x"]\n[[routing.rule]]\nuse = "b/x"'
    (tmp_path / "shunpike.toml").write_text(f'default_model = "new"\n{theirs}', encoding="utf-8")
    with pytest.warns(UserWarning, match="default_model, models.new.targets, routing.rule"):
        found = load(cwd=tmp_path, environ={"SHUNPIKE_CONFIG": str(mine)}).settings
    assert [*found.models] == ["fast"]
    assert (found.default_model, found.routing.rule) == ("auto", ())


README = Path(__file__).parents[3] / "README.md"
KEYS = {"GROQ_API_KEY": "gsk_made-up-key", "GEMINI_API_KEY": "AIza-made-up-key", "OPENROUTER_API_KEY": "sk-or-made-up"}


async def test_the_names_in_the_readme_mean_what_it_says(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8").split("### Names of your own")[1].split("```toml\n")[1].split("```")[0]
    local = '[providers.local]\nplugin = "groq"\nbase_url = "http://localhost:1/v1"\nprice = "free"\nmodels = ["own"]'
    settings = loaded(tmp_path, f"{text}\n{local}").model_copy(update={"store": "memory:"})
    runtime = Runtime(settings, Host.load(), VirtualClock(), None, KEYS, KeyStore())

    by_default = names(await planned(runtime, chat()))
    assert by_default[:2] == ["groq/openai/gpt-oss-20b", "google/gemini-3.5-flash-lite"]
    assert len(by_default) > 10

    shared = [names(await planned(runtime, chat(f"question {number}", model="shared"))) for number in range(40)]
    assert {one[0].partition("/")[0] for one in shared} == {"groq", "google"}
    assert all(len(one) == len(by_default) for one in shared)

    assert {one.partition("/")[0] for one in names(await planned(runtime, chat(model="gpt-4o")))} == {"groq", "google"}
    assert names(await planned(runtime, chat(model="fast"), tag="private-notes")) == ["local/own"]
    large = await planned(runtime, chat("word " * 60_000, model="auto"))
    assert {one.name for one in large.plan.targets} == {"google"}
    assert large.plan.rule == "routing.rule[2]"
    await runtime.leave()
    await runtime.close_store()
