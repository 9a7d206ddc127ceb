"""OpenAI's SDK talks to everybody who offers OpenAI's shape, as their documentation tells its readers to do."""

from __future__ import annotations

import json

import pytest

from .conftest import Play, Played

pytestmark = pytest.mark.slow

PROVIDERS = ("deepseek", "google", "groq", "hyperbolic", "openrouter", "sandbox", "together")
FULL = tuple(name for name in PROVIDERS if name != "hyperbolic")
KEYED = tuple(name for name in PROVIDERS if name != "sandbox")


@pytest.fixture
def played(play: Play) -> Played:
    return play("compatible_sdk", "openai")


def test_every_step_comes_to_its_end(played: Played) -> None:
    assert not {name: step["error"] for name, step in played.steps.items() if "error" in step}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_answers_and_its_usage_equals_the_books(played: Played, provider: str) -> None:
    found, books = played["unary"][provider], played.books(provider, "unary")
    assert found["text"].startswith("A shunpike is a side road")
    assert found["prompt"] == books["prompt_tokens"]
    assert found["total"] == books["prompt_tokens"] + books["completion_tokens"]


@pytest.mark.parametrize("provider", FULL)
def test_a_stream_says_the_same(played: Played, provider: str) -> None:
    assert played["stream"][provider] == played["unary"][provider]["text"]


@pytest.mark.parametrize("provider", FULL)
def test_a_tool_is_called_and_its_result_is_used(played: Played, provider: str) -> None:
    arguments, text = played["tools"][provider]
    assert json.loads(arguments) == {"city": "Paris"}
    assert "sunny, 21 degrees" in text


@pytest.mark.parametrize("provider", FULL)
def test_json_mode_answers_an_object(played: Played, provider: str) -> None:
    assert isinstance(json.loads(played["json_mode"][provider]), dict)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_models_are_listed(played: Played, provider: str) -> None:
    assert len(played["models"][provider]) > 1


@pytest.mark.parametrize("provider", KEYED)
def test_a_wrong_key_and_a_429_become_their_exceptions(played: Played, provider: str) -> None:
    # Google answers 400 to a key that it does not know.
    wrong = "BadRequestError" if provider == "google" else "AuthenticationError"
    assert played["bad_key"][provider]["type"] == wrong
    assert played["too_often"][provider]["type"] == "RateLimitError"
