"""The same open model at several providers, under whatever id, is found as one."""

from __future__ import annotations

import pytest

from shunpike.plugins import Host
from shunpike.routing.names import wanted_models
from shunpike.types import ModelInfo


@pytest.fixture(scope="module")
def catalog() -> tuple[ModelInfo, ...]:
    host = Host.load()
    return tuple(model for info in host.providers() if not info.simulated for model in host.models(info.id))


def meant(name: str, catalog: tuple[ModelInfo, ...]) -> set[str]:
    names = tuple({model.provider for model in catalog})
    return {provider for provider, _ in wanted_models(name, (), catalog, names).ids}


@pytest.mark.parametrize(
    ("name", "providers"),
    [
        ("gpt-oss-120b", {"groq", "openrouter", "together"}),
        ("gpt-oss-20b", {"groq", "openrouter"}),
        ("qwen3.8-27b", {"groq", "openrouter"}),
        ("gemma-4-31b-it", {"google", "openrouter"}),
        ("glm-5.3", {"openrouter", "together"}),
        ("kimi-k3", {"openrouter", "together"}),
        ("llama-3.3-70b-instruct", {"openrouter", "hyperbolic"}),
        ("llama-3.3-70b-versatile", {"openrouter", "hyperbolic"}),
        ("llama-3.1-405b-instruct", {"hyperbolic", "together"}),
    ],
)
def test_an_open_model_is_one_wherever_it_is_offered(
    name: str, providers: set[str], catalog: tuple[ModelInfo, ...]
) -> None:
    assert meant(name, catalog) == providers


def test_a_family_is_of_one_kind_of_model_and_no_id_of_another(catalog: tuple[ModelInfo, ...]) -> None:
    families = {model.family for model in catalog if model.family is not None}
    assert families
    for family in families:
        members = [model for model in catalog if model.family == family]
        assert len({model.kind for model in members}) == 1
        assert len({model.provider for model in members}) > 1, f"{family}: nobody else has it"
        strangers = [model.id for model in catalog if model.id.casefold() == family.casefold() and model not in members]
        assert not strangers
