"""The quirks that are behaviour: Groq, DeepSeek, OpenRouter and OpenAI."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from shunpike.errors import (
    CreditsExhausted,
    NotHere,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestError,
)
from shunpike.types import Call, ChatRequest, ProviderSettings
from shunpike.wire.chat import ChatBackend
from shunpike_deepseek.backend import may_think

SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
ASKED = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "now", "arguments": "{}"}}]}


class Now:
    def now(self) -> float:
        return datetime(2026, 11, 22, 20, tzinfo=UTC).timestamp()

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here sleeps")


def backend_of(provider: str) -> ChatBackend:
    backend = import_module(f"shunpike_{provider}").plugin.backend(ProviderSettings.model_validate({"key": "k" * 20}))
    backend.clock = Now()
    return backend


def call(model: str, *, strict: bool = False, **request: Any) -> Call:
    request.setdefault("messages", "hi")
    return Call(request=ChatRequest(**request), model=model, max_output=50, attempt_id="a", strict=strict)


def failure(provider: str, status: int, error: dict[str, Any]) -> ProviderError:
    return backend_of(provider).failure(status, {}, json.dumps({"error": error}).encode())


class TestGroq:
    @pytest.mark.parametrize(("streamed", "tools"), [(True, None), (False, [TOOL])])
    def test_a_schema_with_a_stream_or_tools_goes_elsewhere(self, streamed, tools):
        with pytest.raises(NotHere, match="can't combine a JSON schema with") as caught:
            backend_of("groq").warnings(call("m", response_format=SCHEMA, tools=tools), streamed=streamed)

        assert caught.value.kind == "unsupported"

    def test_a_schema_alone_is_sent(self):
        backend, asked = backend_of("groq"), call("m", response_format=SCHEMA)

        assert backend.warnings(asked, streamed=False) == ()
        assert backend.body(asked)["response_format"] == SCHEMA

    def test_what_it_answers_with_400_is_not_sent(self):
        body = backend_of("groq").body(
            call("m", logit_bias={"1": 1}, n=2, messages=[{"role": "user", "content": "x", "name": "me"}])
        )

        assert body == {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_completion_tokens": 50}


class TestDeepSeek:
    def test_it_thinks_only_when_asked_to(self):
        backend = backend_of("deepseek")

        assert backend.body(call("m"))["thinking"] == {"type": "disabled"}
        assert backend.body(call("m", reasoning_effort="none"))["thinking"] == {"type": "disabled"}
        asked = backend.body(call("m", reasoning_effort="medium"))
        assert (asked["thinking"], asked["reasoning_effort"]) == ({"type": "enabled"}, "high")
        assert "reasoning_effort" not in backend.body(call("m", reasoning_effort="none"))

    def test_what_the_caller_says_about_thinking_stays(self):
        assert backend_of("deepseek").body(call("m", thinking={"type": "enabled"}))["thinking"] == {"type": "enabled"}

    def test_it_does_not_think_where_that_would_be_refused(self):
        forced = call("m", reasoning_effort="high", tools=[TOOL], tool_choice="required")
        own = call(
            "m", reasoning_effort="high", messages=[{"role": "user", "content": "x"}, {**ASKED, "reasoning": "hm"}]
        )

        assert [may_think(one) for one in (forced, own)] == [False, True]
        assert backend_of("deepseek").body(own)["messages"][1]["reasoning_content"] == "hm"

    def test_calls_that_another_model_made_get_an_empty_thought(self):
        strange = call("m", reasoning_effort="high", messages=[{"role": "user", "content": "x"}, ASKED])

        body = backend_of("deepseek").body(strange)
        assert (body["thinking"]["type"], body["messages"][1]["reasoning_content"]) == ("enabled", "")

    def test_json_is_named_in_the_prompt_where_it_is_wanted(self):
        backend, wanted = backend_of("deepseek"), {"type": "json_object"}

        added = backend.body(call("m", response_format=wanted))["messages"]
        assert added[0] == {"role": "system", "content": "Answer with one JSON object."}
        assert len(backend.body(call("m", response_format=wanted, messages="as json please"))["messages"]) == 1

    def test_a_prompt_that_is_too_long_is_not_a_bad_request(self):
        error = failure(
            "deepseek",
            400,
            {
                "message": "This model's maximum context length is 1048565 tokens. However, you requested more",
                "type": "invalid_request_error",
                "code": "invalid_request_error",
            },
        )

        assert isinstance(error, NotHere)
        assert error.kind == "context_overflow"
        assert isinstance(failure("deepseek", 400, {"message": "no"}), RequestError)
        assert isinstance(failure("deepseek", 402, {"message": "Insufficient Balance"}), CreditsExhausted)


class TestOpenRouter:
    def test_every_priced_request_says_what_it_may_cost_at_most(self):
        backend = backend_of("openrouter")

        assert backend.body(call("openrouter/free"))["provider"] == {"max_price": {"prompt": 0.0, "completion": 0.0}}
        paid = backend.body(call("openai/gpt-4o-mini", tools=[TOOL]))["provider"]
        assert paid == {"require_parameters": True, "max_price": {"prompt": 0.15, "completion": 0.6}}
        assert "provider" not in backend.body(call("unknown/model"))

    def test_the_callers_own_routing_stays(self):
        body = backend_of("openrouter").body(call("openrouter/free", provider={"order": ["a"], "max_price": {}}))

        assert body["provider"] == {"order": ["a"], "max_price": {}}

    def test_the_daily_quota_of_free_models_names_its_reset_in_milliseconds(self):
        headers = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795392000000"}
        message = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"

        error = failure("openrouter", 429, {"message": message, "code": 429, "metadata": {"headers": headers}})

        assert isinstance(error, QuotaExhausted)
        assert error.reset_at == 1795392000.0
        assert error.limit == "50 requests a day"
        assert (error.evidence[-1].amount, error.evidence[-1].window_seconds) == (50, 86_400.0)

    def test_a_daily_quota_without_a_moment_ends_at_midnight_utc(self):
        error = failure("openrouter", 429, {"message": "Rate limit exceeded: free-models-per-day", "code": 429})

        assert error.reset_at == datetime(2026, 11, 23, tzinfo=UTC).timestamp()

    def test_the_rate_of_a_minute_is_no_quota(self):
        headers = {"X-RateLimit-Limit": "20", "X-RateLimit-Reset": "1795377630000"}
        message = "Rate limit exceeded: free-models-per-min"

        error = failure("openrouter", 429, {"message": message, "code": 429, "metadata": {"headers": headers}})

        assert isinstance(error, RateLimited)
        assert error.retry_at == 1795377630.0

    @pytest.mark.parametrize(
        ("status", "error", "kind"),
        [
            (429, {"metadata": {"provider_name": "X", "raw": "temporarily rate-limited upstream"}}, "upstream"),
            (429, {"availability": {"code": "capacity_exhausted"}}, "upstream"),
            (429, {"metadata": {"limit_source": "openrouter_in_flight_budget"}}, "rate_limited"),
            (402, {"metadata": {"limit_source": "openrouter_in_flight_budget"}}, "rate_limited"),
            (402, {"metadata": {"limit_source": "openrouter_credits"}}, "credits"),
            (402, {}, "credits"),
            (403, {"metadata": {"reasons": ["violence"], "flagged_input": "x"}}, "content_filter"),
            (403, {"metadata": {"patterns": ["ignore all"]}}, "content_filter"),
            (403, {"metadata": {"limit_usd": 5, "spend_usd": 5, "resets_at": "2026-12-01"}}, "spend_cap"),
            (403, {}, "permission"),
            (404, {"availability": {"code": "free_variant_ended"}}, "retired"),
            (404, {"availability": {"code": "no_endpoints"}}, "not_found"),
            (404, {"availability": {"code": "privacy_restricted"}}, "unsupported"),
            (400, {"message": "This endpoint's maximum context length is 4096 tokens"}, "context_overflow"),
            (400, {"message": "bad"}, "invalid_request"),
            (503, {"metadata": {"raw": {"a": 1}}}, "overloaded"),
        ],
    )
    def test_its_refusals_are_told_apart(self, status, error, kind):
        assert failure("openrouter", status, {"message": "no", "code": status, **error}).kind == kind

    @pytest.mark.parametrize("limit", [-1, 10**7, 10**40, 1e300])
    def test_a_cap_that_no_ledger_could_hold_says_nothing(self, limit):
        told = {"limit_usd": limit, "spend_usd": 5, "resets_at": "2026-12-01"}
        error = failure("openrouter", 403, {"message": "no", "code": 403, "metadata": told})

        assert (error.kind, error.evidence) == ("spend_cap", ())

    def test_a_privacy_setting_in_the_way_is_named(self):
        error = failure("openrouter", 404, {"message": "no", "availability": {"code": "privacy_restricted"}})

        assert "openrouter.ai/settings/privacy" in error.hint


class TestOpenAI:
    @pytest.mark.parametrize(
        ("model", "effort", "lost"),
        [
            ("gpt-6-luna", None, True),
            ("gpt-6-luna", "none", False),
            ("gpt-5-mini", None, True),
            ("gpt-5.4-nano", None, False),
            ("gpt-5.4-nano", "low", True),
            ("o3", None, True),
            ("gpt-4o-mini", None, False),
        ],
    )
    def test_a_model_that_reasons_is_not_sampled_otherwise(self, model, effort, lost):
        backend, asked = backend_of("openai"), call(model, temperature=0.2, top_p=0.9, reasoning_effort=effort)

        assert ("temperature" not in backend.body(asked)) == lost
        assert len(backend.warnings(asked, streamed=False)) == (2 if lost else 0)

    def test_a_strict_call_goes_elsewhere_instead(self):
        with pytest.raises(NotHere, match="'temperature'"):
            backend_of("openai").warnings(call("gpt-6-luna", strict=True, temperature=0.2), streamed=False)

    def test_a_temperature_of_one_is_what_it_has_anyway(self):
        backend, asked = backend_of("openai"), call("gpt-6-luna", temperature=1)

        assert backend.warnings(asked, streamed=True) == ()
        assert backend.body(asked)["max_completion_tokens"] == 50


class TestTogether:
    @pytest.mark.parametrize(
        ("status", "error", "kind"),
        [
            (402, {"type": "credit_limit", "message": "Credit limit exceeded."}, CreditsExhausted),
            (429, {"type": "credit_limit", "message": "You have been rate limited."}, RateLimited),
            (403, {"message": "input + max_tokens exceeds the context"}, NotHere),
            (400, {"code": "model_not_available", "type": "invalid_request_error"}, NotHere),
            (503, {"message": "capacity"}, Overloaded),
        ],
    )
    def test_the_status_decides_where_the_type_does_not_tell(self, status, error, kind):
        assert isinstance(failure("together", status, error), kind)

    def test_its_end_of_sequence_is_a_stop(self):
        choice = {"message": {"content": "x"}, "finish_reason": "eos"}
        answer = backend_of("together").answer(call("m"), {"choices": [choice]}, {})

        assert answer.choices[0].finish_reason == "stop"
