"""Recorded requests are read or rejected by name; recorded answers come out in the recorded shape and order."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike_gateway.exchange import ApiRequest, Head, RejectedBody
from shunpike_gateway.responses import ResponsesDialect

from ..published import complaints, event_complaints  # noqa: TID252 - the tests are no package
from ..running import InProcessGateway  # noqa: TID252
from . import recorded

pytestmark = pytest.mark.skipif(not recorded.FILES, reason="no recordings: set SHUNPIKE_RECORDINGS")
HEAD = Head("POST", "/v1/responses")
REJECTED = {
    "llm--describe_freebsd_sysctl_2_pdf--1-7c2348.json": "input[0].content[2].file_id",
    "llm--describe_freebsd_sysctl_2_pdf--1-c68f56.json": "input[0].content[2].file_id",
    "llm--successful_response_o3_mini--2-0957fe.json": "previous_response_id",
    "pydantic-ai--test_openai_responses_model_http_error--0-6aee4c.json": "temperature",
    "pydantic-ai--test_multimodal_tool_return_matrix-tool_return_content-url-audio-openai_response--1-3d6363.json": (
        "input[4].content[0].file_url"
    ),
}
"""Requests that can't be read, with the field that the error names."""
FAILING = {
    # As it was recorded: there is no such model.
    "pydantic-ai--test_inferred_model_name_suggestion--0-e6328c.json": (404, "gpt-5.2-proo"),
    # Its file is an mp3, which no provider takes as a file.
    "pydantic-ai--test_multimodal_tool_return_matrix-tool_return_content-url_force_download-audio--2-c3779f.json": (
        400,
        "file",
    ),
    # The sandbox's own model sees no images.
    "pydantic-ai--test_image_url_input_force_download_response_api--1-c3a648.json": (400, "vision"),
}
"""Requests that nobody can answer: the status, and what the error names."""
FAILED = "ai--__fixtures__-openai-error.1--0-a3ff30.json"
ASKED = [name for name in recorded.FILES if isinstance(recorded.read(name)["request"].get("json"), dict)]
STREAMED = [name for name in recorded.FILES if recorded.read(name)["stream"]]
WHOLE = [name for name in recorded.FILES if name not in STREAMED and recorded.read(name)["response"]["status"] == 200]


def asked_in(name: str) -> ApiRequest:
    """The request of a recording, or one whose answer would be the recorded one."""
    body = recorded.read(name)["request"].get("json")
    if name in REJECTED or not isinstance(body, dict):
        tool = {"type": "custom", "name": "write_sql"}
        body = {"input": "x", "tools": [tool], "reasoning": {"summary": "auto"}}
    return ResponsesDialect().read(body, HEAD)


@pytest.mark.parametrize("name", ASKED)
async def test_a_recorded_request_gets_an_answer_or_the_stated_error(name: str, gateway: InProcessGateway) -> None:
    asked = recorded.read(name)["request"]
    body, path = {**asked["json"]}, "/v1/" + asked["url"].rpartition("/v1/")[2]
    if name not in REJECTED and FAILING.get(name, (0, ""))[0] != 404:
        body["model"] = "sandbox/echo-1"
    answer = await gateway.post(path, body)
    if name in REJECTED or name in FAILING:
        error = answer.json()["error"]
        assert not complaints("Error", error)
        status, named = FAILING.get(name) or (400, REJECTED[name])
        assert answer.status == status, answer.body
        assert named == error["param"] or named in error["message"]
        return
    assert answer.status == 200, answer.body
    told = answer.events()[-1]["response"] if body.get("stream") else answer.json()
    if path.endswith("input_tokens"):
        assert not complaints("TokenCountsResource", told)
        assert told["input_tokens"] > 5
        return
    assert told["status"] == "completed"
    assert not complaints("Response", told)
    for event in answer.events() if body.get("stream") else ():
        assert not event_complaints(event)


@pytest.mark.parametrize("name", sorted(set(REJECTED) & set(ASKED)))
def test_what_is_rejected_is_named(name: str) -> None:
    with pytest.raises(RejectedBody) as rejected:
        ResponsesDialect().read(recorded.read(name)["request"]["json"], HEAD)
    assert rejected.value.param == REJECTED[name]


@pytest.mark.parametrize("name", WHOLE)
def test_a_recorded_answer_comes_out_in_its_shape(name: str) -> None:
    recording = recorded.read(name)
    expected = recorded.output(recording)
    if not expected:
        pytest.skip("nothing in it is of ours")
    told = dict(ResponsesDialect().answer(asked_in(name), recorded.completion(recording)))
    assert not complaints("Response", told)
    assert [essence(one) for one in told["output"]] == [essence(one) for one in expected]


@pytest.mark.parametrize("name", [name for name in STREAMED if name not in (FAILED, *REJECTED)])
def test_a_recorded_stream_comes_out_in_its_order(name: str) -> None:
    recording = recorded.read(name)
    asked = asked_in(name)
    writer = ResponsesDialect().events(asked, "req_1", 1_800_000_000.0)
    data = writer.opening()
    for chunk in recorded.chunks(recording):
        data += writer.chunk(chunk)
    data += writer.end(recorded.completion(recording))
    told = recorded.events({"response": {"body": data.decode()}})
    assert [one["sequence_number"] for one in told] == list(range(len(told)))
    for event in told:
        assert not event_complaints(event)
    assert recorded.shape(told) == recorded.shape(recorded.events(recording))
    last = told[-1]["response"]["output"]
    assert [one["type"] for one in last] == [one["type"] for one in recorded.output(recording)]
    # The text of one recording's last event was edited: what counts is what was streamed.
    texts = [part["text"] for one in last if one["type"] == "message" for part in one["content"]]
    assert "".join(texts) == "".join(one.text for one in recorded.chunks(recording))
    done = [one["item"] for one in told if one["type"] == "response.output_item.done"]
    assert done == last


def essence(item: dict[str, Any]) -> dict[str, Any]:
    """What of an item an answer of another provider has, too."""
    kept = {"type", "role", "name", "call_id", "arguments", "input"}
    found = {name: value for name, value in item.items() if name in kept and item["type"] != "reasoning"}
    if item.get("namespace") not in (None, item.get("name")):
        found["namespace"] = item["namespace"]
    if item["type"] == "message":
        found["text"] = [one["text"] for one in item["content"]]
    if item["type"] == "reasoning":
        found = {"type": "reasoning", "text": "\n".join(one["text"] for one in item["summary"])}
    return found
