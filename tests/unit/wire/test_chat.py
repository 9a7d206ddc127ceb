from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import anyio
import pytest

from shunpike.errors import AuthError, BadAnswer, NotHere, Overloaded, ProviderError, RateLimited, RequestError
from shunpike.protocols import Backend, HealthProbe, ListsModels, Streams
from shunpike.types import Answer, Basis, Call, Unit
from shunpike.wire import ChatBackend, Dialect, ModelsProbe, RateHeaders
from shunpike_testkit.upstream import Script, Stall, Upstream, reply

Make = Callable[..., Any]
GOOD: dict[str, Any] = {
    "id": "chat-1",
    "model": "m1-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


async def test_a_request_is_answered(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply(GOOD, headers={"x-request-id": "r1"}))
        backend: ChatBackend = make_backend(upstream.base_url)
        answer = await backend.complete(make_call(temperature=0.5, max_tokens=7))
        await backend.aclose()
        sent = upstream.requests[0]
    assert sent.json == {
        "model": "m1",
        "messages": [{"role": "user", "content": "Say ok."}],
        "temperature": 0.5,
        "max_completion_tokens": 64,
    }
    assert "x-shunpike-attempt-id" not in sent.headers
    assert answer.choices[0].message.content == "ok"
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.basis) == ("m1-2026", 9, Basis.MEASURED)
    assert (answer.provider_request_id, answer.headers_at, answer.warnings) == ("r1", 1_795_000_000.0, ())


async def test_a_backend_has_the_capabilities_it_says(make_backend: Make) -> None:
    backend = make_backend()
    assert isinstance(backend, Backend)
    assert isinstance(backend, Streams)
    assert isinstance(backend, ListsModels)
    assert isinstance(ModelsProbe(backend), HealthProbe)


async def test_the_key_is_nowhere_to_be_seen(make_backend: Make, make_call: Make) -> None:
    key = "sk-test-0123456789abcdef"
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply({"error": {"message": f"Incorrect API key: {key}."}}, status=401))
        backend = make_backend(upstream.base_url, key=key)
        with pytest.raises(AuthError) as caught:
            await backend.complete(make_call())
        await backend.aclose()
        assert upstream.requests[0].headers["authorization"] == f"Bearer {key}"
    assert key not in f"{caught.value!r}{caught.value}{vars(caught.value)}{backend!r}{vars(backend)}"
    assert caught.value.hint == "check the variable ACME_API_KEY   ·   or store another key: shunpike keys set acme"
    assert caught.value.model == "m1"


async def test_a_key_may_go_into_another_header(make_backend: Make, make_call: Make) -> None:
    dialect = Dialect(auth_header="x-api-key", auth_prefix="", extra_headers={"X-Title": "shunpike"})
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply(GOOD))
        backend = make_backend(upstream.base_url, dialect, key="k1", headers={"x-mine": "1"})
        await backend.complete(make_call())
        await backend.aclose()
        headers = upstream.requests[0].headers
    assert (headers["x-api-key"], headers["x-title"], headers["x-mine"]) == ("k1", "shunpike", "1")
    assert "authorization" not in headers


async def test_the_attempt_is_named_where_the_owner_wants_it(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply(GOOD))
        backend = make_backend(upstream.base_url, options={"send_attempt_id": True})
        await backend.complete(make_call())
        await backend.aclose()
        assert upstream.requests[0].headers["x-shunpike-attempt-id"] == "a1"


async def test_a_parameter_that_is_lost_is_told_or_refused(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply(GOOD))
        backend = make_backend(upstream.base_url, Dialect(drop=("logit_bias",)))
        answer = await backend.complete(make_call(logit_bias={"1": 2}))
        with pytest.raises(NotHere, match="'logit_bias'") as caught:
            await backend.complete(make_call(logit_bias={"1": 2}, strict=True))
        await backend.aclose()
        assert [request.json.get("logit_bias") for request in upstream.requests] == [None]
    assert answer.warnings == ("acme does not take 'logit_bias': it was left out",)
    assert (caught.value.kind, caught.value.model, caught.value.billed) == ("unsupported", "m1", False)


async def test_blank_lines_before_the_json_are_skipped(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply(b"\n\n   \n" + reply(GOOD).steps[0].partition(b"\r\n\r\n")[2]))
        backend = make_backend(upstream.base_url)
        assert (await backend.complete(make_call())).choices[0].message.text == "ok"
        await backend.aclose()


@pytest.mark.parametrize(
    ("data", "error", "kind"),
    [
        (b"", Overloaded, "malformed"),
        (b"<html>busy</html>", Overloaded, "malformed"),
        (b'{"choices": [', Overloaded, "malformed"),
        (b"[" * 100_000, Overloaded, "malformed"),
        (b"3", Overloaded, "malformed"),
        ({}, BadAnswer, "empty"),
        ({"choices": []}, BadAnswer, "empty"),
        ({"choices": None}, BadAnswer, "empty"),
        ({"choices": [{"finish_reason": "error", "message": {}}]}, Overloaded, "upstream"),
        ({"error": {"code": 429, "message": "slow"}}, RateLimited, "rate_limited"),
        ([{"error": {"code": 400, "message": "bad"}}], RequestError, "invalid_request"),
        ({"choices": [{"error": {"code": 503, "message": "busy"}}]}, Overloaded, "overloaded"),
        ({"object": "error", "message": "no", "code": 40301}, Overloaded, "upstream"),
        ({"error": "broken"}, Overloaded, "upstream"),
    ],
)
async def test_a_good_status_with_no_answer_is_a_failure(
    make_backend: Make, make_call: Make, data: Any, error: type[ProviderError], kind: str
) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply(data))
        backend = make_backend(upstream.base_url)
        with pytest.raises(error) as caught:
            await backend.complete(make_call())
        await backend.aclose()
    assert type(caught.value) is error
    assert (caught.value.kind, caught.value.provider, caught.value.model) == (kind, "acme", "m1")


async def test_an_empty_text_is_returned_as_it_is(make_backend: Make, make_call: Make) -> None:
    choice = {"message": {"content": ""}, "finish_reason": "length"}
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply({"choices": [choice]}))
        backend = make_backend(upstream.base_url)
        answer = await backend.complete(make_call())
        await backend.aclose()
    assert (answer.choices[0].message.text, answer.choices[0].finish_reason) == ("", "length")
    assert (answer.model, answer.usage.basis) == ("m1", Basis.ABSENT)


async def test_headers_and_a_stated_cost_are_learned_from(make_backend: Make, make_call: Make) -> None:
    row = RateHeaders(
        unit=Unit.REQUEST, window=86400, limit="X-Limit", remaining="x-remaining", reset="x-ratelimit-reset-requests"
    )
    usage = b'"usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.00000012345678901}'
    data = b'{"choices": [{"message": {"content": "ok"}, "logprobs": {"x": -0.5}}], ' + usage + b"}"
    async with Upstream() as upstream:
        headers = {"x-limit": "1000", "x-remaining": "999", "x-ratelimit-reset-requests": "1m26.4s"}
        upstream.on("/chat/completions", reply(data, headers=headers))
        backend = make_backend(upstream.base_url, Dialect(ratelimits=(row,), stated_cost="usage.cost"))
        answer = await backend.complete(make_call())
        await backend.aclose()
    [evidence] = answer.evidence
    assert (evidence.amount, evidence.remaining, evidence.window_seconds) == (1000, 999, 86400)
    assert evidence.resets_at == pytest.approx(1_795_000_086.4)
    assert answer.stated_cost is not None
    assert answer.stated_cost.dollars == Decimal("0.000000123457"), "rounded up to a pico-dollar, from the exact text"
    assert answer.choices[0].logprobs == {"x": -0.5}


class Shouting(ChatBackend):
    """A quirk in three lines."""

    def answer(self, call: Call, data: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        data["choices"][0]["message"]["content"] = data["loud"].upper()
        return super().answer(call, data, headers)


async def test_an_override_changes_an_answer_and_may_trip_over_it(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", reply({**GOOD, "loud": "hey"}), reply(GOOD))
        backend = make_backend(upstream.base_url, None, Shouting)
        assert (await backend.complete(make_call())).choices[0].message.text == "HEY"
        with pytest.raises(Overloaded, match="can't be read") as caught:
            await backend.complete(make_call())
        await backend.aclose()
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("shape", [{"data": [{"id": "a"}, {"id": 5}, None, {"id": "b"}]}, [{"id": "a"}, {"id": "b"}]])
async def test_models_are_listed_and_make_a_free_probe(make_backend: Make, shape: Any) -> None:
    async with Upstream() as upstream:
        upstream.on("/models", reply(shape))
        backend = make_backend(upstream.base_url)
        assert await backend.list_models() == ["a", "b"]
        assert await ModelsProbe(backend).check() == "2 models"
        await backend.aclose()


async def test_a_list_of_models_that_is_none_is_malformed(make_backend: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/models", reply({"data": "soon"}), reply({"detail": "no"}, status=403))
        backend = make_backend(upstream.base_url)
        with pytest.raises(Overloaded, match="not a list"):
            await backend.list_models()
        with pytest.raises(AuthError, match="no"):
            await backend.list_models()
        await backend.aclose()
    with pytest.raises(NotHere, match="lists no models"):
        await make_backend(dialect=Dialect(models_path="")).list_models()


async def test_cancelling_a_call_closes_its_connection(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", Script([Stall()]))
        backend = make_backend(upstream.base_url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.complete, make_call())
            await upstream.received(1)
            tasks.cancel_scope.cancel()
        await upstream.idle()
        await backend.aclose()
        await backend.aclose()
