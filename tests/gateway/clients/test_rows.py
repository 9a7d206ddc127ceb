"""What programs that can't be run here send and need, as their trackers tell: each against a gateway on a port."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import zstandard

from shunpike.types import GatewaySettings

from .conftest import SHUNPIKE
from .emulated import EmulatedGateway, emulated

QUESTION: list[Any] = [{"role": "user", "content": "What is a shunpike?"}]
PAGE = "https://app.example"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedGateway]:
    folder = tmp_path_factory.mktemp("rows")
    with emulated(folder, GatewaySettings(port=0, origins=(PAGE,))) as running:
        yield running


@pytest.fixture
def http(gateway: EmulatedGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
        yield client


def chat(http: httpx.Client, **body: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json={"model": "auto", "messages": QUESTION, **body})


def events(answer: httpx.Response) -> list[Any]:
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_cursor_sends_a_responses_body_to_chat_completions_and_reads_a_chat(http: httpx.Client) -> None:
    body = {"model": "auto", "input": [{"role": "user", "content": "What is a shunpike?"}], "stream": False}
    answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == SHUNPIKE


def test_roo_code_finds_thoughts_under_the_name_that_it_reads(http: httpx.Client) -> None:
    streamed = events(chat(http, model="groq/openai/gpt-oss-120b", stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed if chunk != "[DONE]"]
    thoughts = ["".join(one.get(name) or "" for one in deltas) for name in ("reasoning_content", "reasoning")]
    assert thoughts[0] == thoughts[1] != ""


def test_cline_finds_windows_in_the_list_of_models(http: httpx.Client) -> None:
    listed = {one["id"]: one for one in http.get("/v1/models").json()["data"]}
    model = listed["groq/openai/gpt-oss-120b"]
    for field in ("context_window", "context_length", "max_input_tokens", "max_output_tokens"):
        assert model[field] > 1000, field
    assert {"id", "object", "display_name"} <= model.keys()


def test_continue_is_told_clearly_that_nobody_completes_in_the_middle(http: httpx.Client) -> None:
    answer = http.post("/v1/completions", json={"model": "auto", "prompt": "def a(", "suffix": "return 1"})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


def test_librechat_sends_parameters_that_not_every_model_has(http: httpx.Client) -> None:
    answer = chat(http, stop=["###"], user="someone", frequency_penalty=0.2, presence_penalty=0.1)
    assert answer.status_code == 200, answer.text


def test_open_webui_sends_fields_that_nobody_knows_and_is_warned(http: httpx.Client) -> None:
    answer = chat(http, chat_id="1", session_id="abc", background_tasks={"title_generation": True})
    assert answer.status_code == 200, answer.text
    assert "background_tasks" in answer.headers["x-shunpike-warning"]


@pytest.mark.parametrize("wanted", [True, False])
def test_zed_meets_a_chunk_without_choices_only_where_usage_was_asked_for(http: httpx.Client, wanted: bool) -> None:
    more = {"stream_options": {"include_usage": True}} if wanted else {}
    chunks = events(chat(http, stream=True, **more))
    assert chunks.pop() == "[DONE]"
    bare = [chunk for chunk in chunks if not chunk["choices"]]
    assert len(bare) == int(wanted)
    assert all(chunk["usage"]["total_tokens"] > 0 for chunk in bare)


def test_each_delta_of_a_tool_call_has_its_index_and_its_type(http: httpx.Client) -> None:
    asked = [{"role": "user", "content": "What is the weather in Paris?"}]
    chunks = events(chat(http, messages=asked, tools=[WEATHER], stream=True))[:-1]
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls") or ()]
    assert calls
    assert all((call["index"], call["type"]) == (0, "function") for call in calls)


def test_n8n_asks_responses_without_saying_more_than_it_must(http: httpx.Client) -> None:
    answer = http.post("/v1/responses", json={"model": "auto", "input": "What is a shunpike?"})
    assert answer.json()["output"][-1]["content"][0]["text"] == SHUNPIKE


def test_who_names_no_model_gets_the_default_one(http: httpx.Client) -> None:
    answer = http.post("/v1/chat/completions", json={"messages": QUESTION})
    assert answer.json()["choices"][0]["message"]["content"] == SHUNPIKE
    assert answer.headers["x-shunpike-model"]


@pytest.mark.parametrize("page", [PAGE, "https://other.example"])
def test_only_pages_that_are_allowed_may_ask_with_the_headers_of_sdks(http: httpx.Client, page: str) -> None:
    asked = {
        "origin": page,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-lang,x-stainless-retry-count",
    }
    answer = http.options("/v1/chat/completions", headers=asked)
    allowed = answer.headers.get("access-control-allow-headers", "")
    assert ("x-stainless-retry-count" in allowed) == (page == PAGE)
    assert answer.headers.get("access-control-allow-origin") == (PAGE if page == PAGE else None)


PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("coding", sorted(PACKED))
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_packed_bodies_are_read_in_each_api(http: httpx.Client, path: str, coding: str) -> None:
    words: dict[str, Any] = {"input": "hi"} if path.endswith("responses") else {"messages": QUESTION, "max_tokens": 99}
    raw = PACKED[coding](json.dumps({"model": "auto", **words}).encode())
    headers = {"content-encoding": coding, "content-type": "application/json"}
    answer = http.post(path, content=raw, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("coding", "raw", "status"), [("br", b"{}", 415), ("gzip", b"no such thing", 400)])
def test_codings_that_nobody_knows_and_damaged_bodies_are_refused(
    http: httpx.Client, coding: str, raw: bytes, status: int
) -> None:
    answer = http.post("/v1/chat/completions", content=raw, headers={"content-encoding": coding})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_the_ledger_equals_the_books_after_all_that(http: httpx.Client, gateway: EmulatedGateway) -> None:
    chat(http)
    assert not gateway.differences()
