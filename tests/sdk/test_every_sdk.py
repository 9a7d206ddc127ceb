"""What holds for every vendor's SDK: it cannot tell the sandbox from its provider, and the sandbox's books agree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from .conftest import Play, Played

pytestmark = pytest.mark.slow

SHUNPIKE = "A shunpike is a side road"


@dataclass(frozen=True)
class Vendor:
    """One SDK: what it installs, what it calls its errors and how it reports an answer's end."""

    provider: str
    requirements: str
    errors: dict[str, tuple[str, int]]
    limited: str
    overloaded: str
    free: Sequence[str] = ()
    counted: Sequence[str] = ("unary", "unary_async", "stream", "reasoning")
    """The steps that report usage and make one request."""


_STAINLESS = {
    "bad_key": ("AuthenticationError", 401),
    "unknown_model": ("NotFoundError", 404),
    "bad_value": ("BadRequestError", 400),
}
VENDORS = {
    "openai_sdk": Vendor(
        "openai",
        "openai",
        {
            **_STAINLESS,
            "unknown_parameter": ("BadRequestError", 400),
            "too_long": ("BadRequestError", 400),
            "no_money": ("RateLimitError", 429),
        },
        "RateLimitError",
        "InternalServerError",
    ),
    "groq_sdk": Vendor(
        "groq",
        "groq",
        {
            **_STAINLESS,
            "retired_model": ("BadRequestError", 400),
            "forbidden_parameter": ("BadRequestError", 400),
            "unknown_parameter": ("BadRequestError", 400),
            "too_large_for_ever": ("APIStatusError", 413),
        },
        "RateLimitError",
        "InternalServerError",
        free=("unary",),
        counted=("unary", "unary_async", "stream"),
    ),
    "together_sdk": Vendor(
        "together",
        "together",
        {
            **_STAINLESS,
            "retired_model": ("BadRequestError", 400),
            "bad_value": ("UnprocessableEntityError", 422),
            "too_long": ("PermissionDeniedError", 403),
            "no_money": ("APIStatusError", 402),
        },
        "RateLimitError",
        "InternalServerError",
    ),
    "openrouter_sdk": Vendor(
        "openrouter",
        "openrouter",
        {
            "bad_key": ("UnauthorizedResponseError", 401),
            "unknown_model": ("BadRequestResponseError", 400),
            "retired_model": ("NotFoundResponseError", 404),
            "bad_value": ("BadRequestResponseError", 400),
            "too_long": ("BadRequestResponseError", 400),
            "no_money": ("PaymentRequiredResponseError", 402),
        },
        "TooManyRequestsResponseError",
        "ServiceUnavailableResponseError",
        free=("free",),
        counted=("unary", "unary_async", "stream", "reasoning", "free"),
    ),
    "google_sdk": Vendor(
        "google",
        "google-genai",
        {
            "bad_key": ("ClientError", 400),
            "unknown_model": ("ClientError", 404),
            "retired_model": ("ClientError", 404),
            "bad_value": ("ClientError", 400),
            "too_long": ("ClientError", 400),
            "not_on_tier": ("ClientError", 429),
            "bad_stream": ("ClientError", 404),
        },
        "ClientError",
        "ServerError",
        counted=("unary", "unary_async", "beta", "stream", "reasoning"),
    ),
}


@pytest.fixture(params=VENDORS)
def scenario(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vendor(scenario: str) -> Vendor:
    return VENDORS[scenario]


@pytest.fixture
def played(play: Play, scenario: str, vendor: Vendor) -> Played:
    return play(scenario, vendor.requirements)


def test_every_step_comes_to_its_end(played: Played) -> None:
    assert not {name: step["error"] for name, step in played.steps.items() if "error" in step}


def test_whole_and_streamed_answers_say_the_same(played: Played) -> None:
    assert played["unary"]["text"].startswith(SHUNPIKE)
    assert played["unary_async"]["text"] == played["stream"]["text"] == played["unary"]["text"]
    assert {str(word).lower() for word in played["stream"]["finish"]} == {str(played["unary"]["finish"]).lower()}


def test_the_usage_that_an_sdk_reads_is_what_the_books_say(played: Played, vendor: Vendor) -> None:
    for step in vendor.counted:
        prompt, completion, total = played[step]["usage"]
        books = played.books(vendor.provider, step, free=step in vendor.free)
        assert (books["prompt_tokens"], books["completion_tokens"]) == (prompt, completion), step
        assert total == prompt + completion, step
        assert (books["requests"], books["answered"]) == (1, 1), step


def test_a_tool_is_called_and_its_result_is_used(played: Played) -> None:
    assert played["tools"]["name"] == "get_weather"
    assert json.loads(played["tools"]["arguments"]) == {"city": "Paris"}
    assert "sunny, 21 degrees" in played["tools"]["text"]


def test_json_comes_as_an_object_and_by_its_schema(played: Played) -> None:
    assert isinstance(json.loads(played["json_mode"]["text"]), dict)
    assert json.loads(played["json_schema"]["text"]) == {"city": "Rome", "days": 3}


def test_every_refusal_becomes_the_right_exception(played: Played, vendor: Vendor) -> None:
    found = {name: (error["type"], error["status"]) for name, error in played["refusals"].items()}
    assert found == vendor.errors


def test_after_a_429_the_sdk_waits_and_tries_again(played: Played, vendor: Vendor) -> None:
    assert played["retried"]["text"].startswith(SHUNPIKE)
    books = played.books(vendor.provider, "retried")
    assert (books["requests"], books["refused"], books["answered"]) == (2, {"429": 1}, 1)
    first, second = books["attempts"]
    assert second["at"] > first["at"]
    assert played["retried"].get("retries", 1) == 1


def test_a_429_is_raised_where_nothing_is_retried(played: Played, vendor: Vendor) -> None:
    assert (played["not_retried"]["type"], played["not_retried"]["status"]) == (vendor.limited, 429)
    books = played.books(vendor.provider, "not_retried")
    assert (books["requests"], books["refused"], books["billed_pico"]) == (1, {"429": 1}, 0)


def test_an_overloaded_provider_is_told_apart(played: Played, vendor: Vendor) -> None:
    assert (played["overloaded"]["type"], played["overloaded"]["status"]) == (vendor.overloaded, 503)


def test_the_models_are_listed(played: Played) -> None:
    assert played["models"]["one"] in played["models"]["ids"]
    assert len(played["models"]["ids"]) == len(set(played["models"]["ids"])) > 3
