"""Answers that are kept can be named by the next request, by who asked and nobody else; and how failures are told."""

from __future__ import annotations

import json

import pytest

from shunpike.types import GatewaySettings
from shunpike_gateway.exchange import ApiError, Head
from shunpike_gateway.responses import ResponsesDialect

from ..published import event_complaints  # noqa: TID252 - the tests are no package
from ..running import InProcessGateway  # noqa: TID252

PATH = "/v1/responses"


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, store_responses=True)


async def test_a_kept_answer_is_continued_shown_and_forgotten(gateway: InProcessGateway) -> None:
    first = (await gateway.post(PATH, {"input": "my name is Ada"})).json()
    assert first["store"] is True
    second = await gateway.post(PATH, {"input": "and now?", "previous_response_id": first["id"], "stream": True})
    told = second.events()[-1]["response"]
    assert told["usage"]["input_tokens"] > first["usage"]["input_tokens"]
    assert (await gateway.get(f"{PATH}/{told['id']}")).json() == told
    assert (await gateway.call("DELETE", f"{PATH}/{told['id']}").whole()).json()["deleted"] is True
    assert (await gateway.get(f"{PATH}/{told['id']}")).status == 404
    missing = await gateway.post(PATH, {"input": "x", "previous_response_id": told["id"]})
    assert (missing.status, missing.json()["error"]["param"]) == (400, "previous_response_id")


async def test_what_shall_not_be_stored_is_not(gateway: InProcessGateway) -> None:
    told = (await gateway.post(PATH, {"input": "x", "store": False})).json()
    assert told["store"] is False
    assert (await gateway.get(f"{PATH}/{told['id']}")).status == 404


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (ApiError(400, "e", "context_length_exceeded", "too long", too_large=True), "context_length_exceeded", "too"),
        (ApiError(429, "e", "insufficient_quota", "spent"), "insufficient_quota", "spent"),
        (ApiError(429, "e", "rate_limit_exceeded", "full", retry_after=12.0), "rate_limit_exceeded", "again in 12s"),
        (ApiError(502, "e", "bad", "broken"), "server_error", "broken"),
    ],
)
def test_a_failure_is_told_in_the_codes_that_agents_act_on(problem: ApiError, code: str, said: str) -> None:
    dialect = ResponsesDialect()
    writer = dialect.events(dialect.read({"input": "x"}, Head("POST", PATH)), "req_1", 1.0)
    data = writer.opening() + writer.silence() + writer.failure(problem)
    events = [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]
    kinds = ["response.created", "response.in_progress", "response.in_progress", "error", "response.failed"]
    assert [one["type"] for one in events] == kinds
    assert not [found for one in events[:-1] for found in event_complaints(one)]
    error = events[-1]["response"]["error"]
    assert error["code"] == code
    assert said in error["message"]
