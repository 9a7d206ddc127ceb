"""What clients ask for beside a prompt, and what they are told when nothing comes of it."""

from __future__ import annotations

import pytest

from shunpike.errors import Overloaded, PromptTooLarge, QuotaExhausted, RateLimited, StoreError, UnknownModel
from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.options import read_options, session_of
from shunpike_gateway.problems import problem_of

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

NOW = 1_800_000_000.0


def limited(seconds: float) -> RateLimited:
    error = RateLimited("slow down", provider="a", status=429)
    error.retry_at = NOW + seconds
    return error


def test_options_stand_in_headers_and_in_metadata_and_headers_hold() -> None:
    headers = {"x-shunpike-deadline": "90s", "x-shunpike-no-paid": "true", "x-shunpike-odd": "1"}
    found, unknown = read_options({"deadline": 5, "tag": "docs", "other": "mine"}, headers)
    assert found == {"timeout": 90.0, "no_paid": True, "tag": "docs"}
    assert len(unknown) == 1
    assert "x-shunpike-odd" in unknown[0]


@pytest.mark.parametrize(
    ("metadata", "headers", "param"),
    [
        ({"deadline": "soon"}, {}, "metadata.deadline"),
        ({"no_paid": "perhaps"}, {}, "metadata.no_paid"),
        ({"no_training": 7}, {}, "metadata.no_training"),
        ({"max_cost": "cheap"}, {}, "metadata.max_cost"),
        ({"providers": {"only": "acme"}}, {}, "metadata.providers"),
        ({}, {"x-shunpike-priority": "high"}, "x-shunpike-priority"),
        ({}, {"x-shunpike-no-paid": "maybe"}, "x-shunpike-no-paid"),
        ({}, {"x-shunpike-max-cost": "-1"}, "x-shunpike-max-cost"),
    ],
)
def test_a_value_that_can_not_be_is_rejected_by_name(
    metadata: dict[str, object], headers: dict[str, str], param: str
) -> None:
    with pytest.raises(RejectedBody) as raised:
        read_options(metadata, headers)
    assert raised.value.param == param


OF_A_CLIENT = {"priority": "high", "task": ["a", "b"], "tag": "x" * 65, "session": 4711, "strict": "very", "other": {}}


def test_metadata_of_a_clients_own_that_bear_our_names_are_left_out_with_a_warning() -> None:
    found, unread = read_options({**OF_A_CLIENT, "min-quality": 0.5}, {})
    assert found == {"min_quality": 0.5}
    assert [one.partition(" ")[0] for one in unread] == [f"metadata.{name}" for name in list(OF_A_CLIENT)[:-1]]
    assert unread[0] == "metadata.priority must be interactive or batch, got 'high', and was left out"


async def test_under_strict_metadata_that_can_not_be_read_are_rejected(gateway: InProcessGateway) -> None:
    body = {"model": "sandbox/echo-1", "messages": [{"role": "user", "content": "x"}], "metadata": {"priority": "high"}}
    told = await gateway.post("/v1/chat/completions", body)
    assert told.status == 200
    assert "metadata.priority" in told.headers["x-shunpike-warning"]
    strict = await gateway.post("/v1/chat/completions", body, {"x-shunpike-strict": "true"})
    assert (strict.status, strict.json()["error"]["code"]) == (400, "unsupported_parameter")


def test_a_conversation_is_named_as_each_client_names_it() -> None:
    assert session_of({"prompt_cache_key": "b"}, {"x-session-id": "a"}) == "a"
    assert session_of({"prompt_cache_key": "b"}, {"x-claude-code-session-id": "c"}) == "b"
    assert session_of({}, {"x-claude-code-session-id": "c"}) == "c"
    assert session_of({}, {}) is None
    assert len(session_of({}, {"x-session-id": "x" * 5000}) or "") == 64


def test_what_opens_soon_is_told_with_a_time_and_what_does_not_ends_retries() -> None:
    soon, late = problem_of(limited(12), NOW), problem_of(limited(3600), NOW)
    assert (soon.status, soon.code, soon.retry_after, soon.should_retry) == (429, "rate_limit_exceeded", 12.0, None)
    assert "try again in 12s" in soon.message
    assert (late.status, late.code, late.retry_after, late.should_retry) == (429, "insufficient_quota", None, False)


def test_a_quota_that_is_spent_says_when_it_opens() -> None:
    spent = QuotaExhausted("spent", provider="a", status=429)
    spent.reset_at = NOW + 7200
    told = problem_of(spent, NOW)
    assert (told.code, told.retry_at) == ("insufficient_quota", NOW + 7200)
    assert "open again at 2027-01-15T10:00:00" in told.message


def test_a_prompt_that_is_too_large_is_told_so_that_agents_shorten_it() -> None:
    error = PromptTooLarge("too large")
    error.tokens, error.most_tokens = 9000, 8000
    told = problem_of(error, NOW)
    assert (told.status, told.code, told.too_large) == (400, "context_length_exceeded", True)
    assert (told.tokens, told.most_tokens, told.should_retry) == (9000, 8000, False)
    assert "maximum context length is 8000 tokens" in told.message


def test_terminal_errors_end_retries_and_a_store_that_is_away_does_not() -> None:
    assert problem_of(Overloaded("busy", provider="a", status=503), NOW).should_retry is False
    unknown = problem_of(UnknownModel("no such model"), NOW)
    assert (unknown.status, unknown.code, unknown.param) == (404, "model_not_found", "model")
    assert problem_of(StoreError("away"), NOW).should_retry is None
