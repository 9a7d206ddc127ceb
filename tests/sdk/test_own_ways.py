"""What one vendor's SDK does and the others do not."""

from __future__ import annotations

import json
import math

import pytest

from .conftest import Play, Played

pytestmark = pytest.mark.slow


@pytest.fixture
def openai(play: Play) -> Played:
    return play("openai_sdk", "openai")


@pytest.fixture
def google(play: Play) -> Played:
    return play("google_sdk", "google-genai")


@pytest.fixture
def groq(play: Play) -> Played:
    return play("groq_sdk", "groq")


@pytest.fixture
def together(play: Play) -> Played:
    return play("together_sdk", "together")


@pytest.fixture
def openrouter(play: Play) -> Played:
    return play("openrouter_sdk", "openrouter")


def test_openai_reads_ids_headers_and_hidden_reasoning(openai: Played) -> None:
    assert openai["unary"]["request_id"].startswith("req_")
    assert openai["unary"]["remaining"] == "499"
    assert 0 < openai["reasoning"]["thought"] < openai["reasoning"]["usage"][1]


def test_openai_parses_into_a_pydantic_model(openai: Played) -> None:
    assert openai["parsed"] == {"kind": "City", "city": "Rome", "days": 3}


def test_openai_assembles_parallel_calls_from_a_stream(openai: Played) -> None:
    streamed = openai["tools_streamed"]
    assert [name for name, _ in streamed["calls"]] == ["get_weather", "get_time"]
    assert all(json.loads(arguments) == {"city": "Paris"} for _, arguments in streamed["calls"])
    assert streamed["finish"] == "tool_calls"
    assert "tool_calls.function.arguments.done" in streamed["events"]


def test_openai_embeds_in_base64_and_in_plain_numbers(openai: Played) -> None:
    found = openai["embeddings"]
    assert (found["rows"], found["size"]) == (2, 8)
    assert found["apart"] < 1e-6
    assert openai.books("openai", "embeddings")["prompt_tokens"] == found["tokens"]


@pytest.mark.parametrize("sdk", ["openai", "groq", "together"])
def test_an_error_inside_a_stream_is_raised(request: pytest.FixtureRequest, sdk: str) -> None:
    assert request.getfixturevalue(sdk)["broken_stream"]["type"] == "APIError"


def test_groq_reads_its_id_its_tier_and_its_thoughts(groq: Played) -> None:
    assert groq["unary"]["x_groq"].startswith("req_")
    assert groq["stream"]["first"].startswith("req_")
    assert groq["unary"]["tier"] == "on_demand"
    assert groq["unary"]["requests_a_day"] == "1000"
    assert groq["stream"]["reasoning"] == groq["unary"]["reasoning"] != ""


def test_groq_gets_a_call_whole_even_in_a_stream(groq: Played) -> None:
    ((index, name, arguments),) = groq["tools_streamed"]["calls"]
    assert (index, name, json.loads(arguments)) == (0, "get_weather", {"city": "Paris"})
    assert groq["tools"]["id"].startswith("fc_")


def test_together_lists_models_in_pages_and_as_a_bare_array(together: Played) -> None:
    found = together["models"]
    assert len(found["page"]) == 5
    assert found["paged"] == len(found["ids"])
    assert found["legacy"] in found["ids"]


def test_together_embeds_without_stating_its_usage(together: Played) -> None:
    assert (together["embeddings"]["rows"], together["embeddings"]["size"]) == (2, 768)
    assert together.books("together", "embeddings")["prompt_tokens"] > 0


def test_together_streams_calls_and_shows_thoughts(together: Played) -> None:
    streamed = together["tools_streamed"]
    assert (streamed["names"], json.loads(streamed["arguments"])) == (["get_weather"], {"city": "Paris"})
    assert together["reasoning"]["reasoning"]
    assert together["unary"]["finish"] == "eos"


@pytest.mark.parametrize("step", ["unary", "stream", "embeddings"])
def test_the_cost_that_openrouter_states_is_what_it_bills(openrouter: Played, step: str) -> None:
    billed = openrouter.books("openrouter", step)["billed_pico"]
    assert billed > 0
    assert math.isclose(openrouter[step]["cost"], billed / 1e12)


def test_openrouter_tells_the_state_of_the_key_and_of_an_answer(openrouter: Played) -> None:
    account = openrouter["account"]
    assert account["usage"] == account["cost"] == account["told"] > 0
    assert account["free_left"] == 1000
    assert (account["credits"]["type"], account["credits"]["status"]) == ("ForbiddenResponseError", 403)
    assert openrouter["free"]["cost"] == 0


def test_openrouter_counts_and_lists_what_is_there(openrouter: Played) -> None:
    models = openrouter["models"]
    assert models["count"] == models["mine"] == len(models["ids"])
    assert "openai/text-embedding-3-small" in openrouter["embeddings"]["models"]
    assert not set(openrouter["embeddings"]["models"]) & set(models["ids"])


def test_openrouters_sdk_retries_a_503_by_itself_and_hides_an_error_inside_a_stream(openrouter: Played) -> None:
    books = openrouter.books("openrouter", "overloaded_once")
    assert (books["requests"], books["answered"]) == (2, 1)
    assert openrouter["broken_stream"] == {"code": 502, "finish": "error"}


def test_google_parses_counts_and_embeds(google: Played) -> None:
    assert google["parsed"] == {"kind": "City", "city": "Rome", "days": 3}
    assert google["counted"]["tokens"] == google["unary"]["usage"][0]
    assert google["embeddings"] == {"rows": 2, "size": 8}


def test_google_calls_python_functions_by_itself_and_signs_its_calls(google: Played) -> None:
    assert google["tools"]["signed"]
    assert "sunny in Paris, 21 degrees" in google["tools_automatic"]["text"]
    assert google["tools_automatic"]["history"] == 3


def test_google_keeps_a_conversation_and_shows_thoughts_when_asked(google: Played) -> None:
    assert google["chat"]["turns"] == 4
    assert google["reasoning"]["reasoning"]
    assert google["unary"]["model"] == "gemini-3.8-flash"


def test_an_error_inside_a_gemini_stream_is_raised(google: Played) -> None:
    assert (google["broken_stream"]["type"], google["broken_stream"]["status"]) == ("ServerError", 503)
