"""Names of models that nobody here has: ``[models.map]`` says what is asked instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.config import load
from shunpike.errors import ConfigError, UnknownModel, WrongField
from shunpike.plugins import Host
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, ModelAlias, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider


def client_of(*names: str, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, name in enumerate(names):
        provider = ScriptedProvider(name)
        provider.order = place
        provider.models = (provider.model("large"), provider.model(f"{name}-haiku"))
        host.register(provider, name)
    made = Settings.model_validate({"store": "memory:", **settings})
    return Client(made, host=host, clock=VirtualClock(), environ={})


async def served(client: Client, model: str) -> tuple[str, str, str | None]:
    request = ChatRequest.model_validate({"model": model, "messages": "hi"})
    done = await client.answer(request, Wishes())
    return done.provider, done.decision.candidates[0].model, done.decision.rule


FAST = {"fast": {"targets": ["b/large"]}}


async def test_a_name_that_fits_a_pattern_is_asked_as_what_the_pattern_says_whatever_its_case() -> None:
    async with client_of("a", "b", models={**FAST, "map": {"*haiku*": "fast", "gpt-?": "a/large"}}) as client:
        told = 'models.map["*haiku*"]'
        assert await served(client, "Claude-3-Haiku-20240307") == ("b", "large", told)
        assert await served(client, "gpt-9") == ("a", "large", 'models.map["gpt-?"]')
        done = await client.complete("hi", model="claude-haiku")
        stands_for = client.runtime.snapshot.stands_for
        assert [stands_for(name) for name in ("claude-haiku", "fast", "large", "gpt-10")] == [
            *("fast", "fast", "large", "gpt-10")
        ]
        assert (done.decision.alias, done.requested_model) == ("fast", "claude-haiku")
        with pytest.raises(UnknownModel, match="gpt-10"):
            await served(client, "gpt-10")


async def test_what_somebody_here_has_and_what_is_an_alias_is_left_alone() -> None:
    models = {**FAST, "my-haiku": {"targets": ["a/large"]}, "map": {"*": "fast"}}
    async with client_of("a", "b", models=models) as client:
        assert await served(client, "a-haiku") == ("a", "a-haiku", None)
        assert await served(client, "a/a-haiku") == ("a", "a-haiku", None)
        assert await served(client, "my-haiku") == ("a", "large", None)
        assert await served(client, "auto") == ("a", "large", None)


async def test_the_first_pattern_that_fits_holds() -> None:
    patterns = {"*-mini*": "b/large", "*": "a/large"}
    async with client_of("a", "b", models={"map": patterns}) as client:
        assert (await served(client, "o9-mini-high"))[0] == "b"
        assert (await served(client, "o9"))[0] == "a"


async def test_a_model_without_a_key_is_one_that_nobody_has() -> None:
    """The catalog knows it, and cannot ask it: a program that can't change the name is served all the same."""
    client = client_of("a", "b", models={**FAST, "map": {"*haiku*": "fast"}}, providers={"a": {"enabled": False}})
    async with client:
        assert (await served(client, "a-haiku"))[0] == "b"


async def test_a_rule_is_looked_at_first_by_the_name_as_it_was_asked() -> None:
    rules = [{"model": "*opus*", "strategy": "spread"}, {"model": "*sonnet*", "use": "a/large"}]
    models = {**FAST, "map": {"*": "fast"}}
    async with client_of("a", "b", models=models, routing={"rule": rules}) as client:
        assert await served(client, "claude-sonnet") == ("a", "large", "routing.rule[2]")
        assert await served(client, "claude-opus") == ("b", "large", 'routing.rule[1], models.map["*"]')


async def test_what_a_pattern_stands_for_and_nobody_has_is_an_error_that_names_it() -> None:
    async with client_of("a", models={"map": {"*": "nobody"}}) as client:
        with pytest.raises(UnknownModel, match="nobody"):
            await served(client, "claude")


def loaded(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(cwd=tmp_path, environ={"SHUNPIKE_CONFIG": str(file)}).settings


def test_the_table_stands_beside_the_aliases_in_a_file_and_keeps_its_order(tmp_path: Path) -> None:
    text = '[models.map]\n"*haiku*" = "fast"\n"*" = "auto"\n\n[models.fast]\ntargets = ["a/large"]\n'
    settings = loaded(tmp_path, text)
    assert list(settings.model_map.items()) == [("*haiku*", "fast"), ("*", "auto")]
    assert list(settings.models) == ["fast"]


def test_both_ways_to_write_it_in_python_mean_the_same() -> None:
    patterns = {"*haiku*": "auto"}
    assert Settings(model_map=patterns) == Settings.model_validate({"models": {"map": patterns}})


@pytest.mark.parametrize(
    "text",
    ['[models.map]\ntargets = ["auto"]\n', '[models.map]\n"*x*" = 3\n', '[models.map]\n"*x*" = ""\n', "models.map = 1"],
)
def test_what_is_no_table_of_patterns_is_rejected(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"models\.map"):
        loaded(tmp_path, text)


def test_no_alias_is_called_map() -> None:
    with pytest.raises(WrongField, match=r"models\.map"):
        Settings(models={"map": ModelAlias()})


@pytest.mark.parametrize("given", [{"*": "auto"}, None, 3])
def test_the_map_is_given_once(given: Any) -> None:
    models: Any = {"map": {"*haiku*": "auto"}}
    with pytest.raises(WrongField, match=r"models\.map and model_map"):
        Settings(models=models, model_map=given)
