"""What a refusal is about decides what it closes: request, model or account; each provider has its own words."""

from __future__ import annotations

import json
import time
from importlib import import_module
from typing import Any

import httpx
import pytest

from shunpike.errors import (
    AuthError,
    CreditsExhausted,
    NotHere,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestError,
)
from shunpike.types import Call, ChatRequest, ProviderSettings

Body = dict[str, Any] | list[Any] | str


async def refused(provider: str, status: int, body: Body, headers: dict[str, str] | None = None) -> ProviderError:
    data = body if isinstance(body, str) else json.dumps(body)

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, content=data.encode())

    own = {"base_url": "http://127.0.0.1:9/v1", "price": "free"} if provider == "own" else {"key": "sk-0123456789"}
    settings = ProviderSettings.model_validate({**own, "transport": httpx.MockTransport(answer)})
    name = "openai" if provider == "own" else provider
    backend = import_module(f"shunpike_{name}").plugin.shunpike_completion(provider=name, settings=settings)
    with pytest.raises(ProviderError) as caught:
        await backend.complete(Call(request=ChatRequest(messages="hi"), model="m", max_output=50, attempt_id="a"))
    await backend.aclose()
    return caught.value


def says(message: str, **fields: Any) -> Body:
    return {"error": {"message": message, "type": "invalid_request_error", **fields}}


def google(message: str, status: str = "INVALID_ARGUMENT") -> Body:
    return {"error": {"message": message, "status": status}}


def relayed(raw: Body, code: int) -> Body:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return {
        "error": {"message": "Provider returned error", "code": code, "metadata": {"provider_name": "P", "raw": text}}
    }


ONE_MODEL = [
    ("openai", 403, says("You are not allowed to sample from this model", param=None, code=None)),
    ("openai", 403, says("Project `proj_1` does not have access to model `m`", code=None)),
    ("openai", 403, says("no", param="model")),
    ("openai", 403, says("no", code="model_access_denied")),
    ("groq", 403, says("The model is off", type="permissions_error", code="model_permission_blocked_org")),
    ("groq", 403, says("The model is off", type="permissions_error", code="model_permission_blocked_project")),
    ("groq", 403, says("The model `m` is blocked at the organization level.")),
    ("groq", 400, says("The model `m` requires terms acceptance.", code="model_terms_required")),
    ("together", 403, says("You do not have access to the model m")),
    ("together", 403, says("no", code="model_gated")),
    ("openrouter", 403, says("OpenAI is requiring a key to access this model, which you can add", code=403)),
    ("openrouter", 403, says("The request is prohibited due to a violation of provider Terms Of Service.", code=403)),
    ("openrouter", 403, says("Author openai is banned", code=403)),
    ("openrouter", 403, says("This model is not available in your region.", code=403)),
    ("google", 403, google("You do not have permission to access tunedModels/m.", "PERMISSION_DENIED")),
    ("google", 403, google("Permission denied for model m.", "PERMISSION_DENIED")),
]


@pytest.mark.parametrize(("provider", "status", "body"), ONE_MODEL)
async def test_a_403_about_one_model_closes_that_model_only(provider: str, status: int, body: Body) -> None:
    found = await refused(provider, status, body)
    assert (type(found), found.kind) == (NotHere, "tier")


THE_KEY = [
    ("openai", 403, says("You have insufficient permissions for this operation.", code=None)),
    ("openai", 403, says("Your account was closed.", code="account_deactivated")),
    ("groq", 403, says("This organization is restricted.", code="organization_restricted")),
    ("google", 403, google("The caller does not have permission", "PERMISSION_DENIED")),
    ("google", 403, google("Your API key was reported as leaked.", "PERMISSION_DENIED")),
    ("google", 403, google("Requests to this API GenerativeService.GenerateContent are blocked.", "PERMISSION_DENIED")),
    ("google", 403, google("Generative Language API has not been used in project 1 before", "PERMISSION_DENIED")),
    ("openrouter", 403, says("Only management keys can perform this operation", code=403)),
    ("deepseek", 403, says("no")),
    ("hyperbolic", 403, says("no")),
    ("own", 403, says("no")),
]


@pytest.mark.parametrize(("provider", "status", "body"), THE_KEY)
async def test_a_403_about_the_key_closes_the_account(provider: str, status: int, body: Body) -> None:
    assert type(await refused(provider, status, body)) is AuthError


UNSUPPORTED = [
    ("groq", 400, says("`tool calling` is not supported with this model")),
    ("groq", 400, says("`reasoning_effort` is not supported with this model")),
    ("groq", 400, says("`reasoning_effort` must be one of `none` or `default`")),
    ("groq", 400, says("This model does not support response format `json_schema`. See the docs.")),
    ("groq", 400, says("json mode cannot be combined with tool/function calling")),
    ("groq", 400, says("messages[0].content must be a string")),
    ("groq", 400, says("The model `m` does not support chat completions")),
    ("openai", 400, says("Unsupported parameter: 'reasoning_effort'", code="unsupported_parameter")),
    ("openai", 400, says("Unsupported value: 'messages[0].role'", code="unsupported_value")),
    ("openai", 400, says("Unrecognized request argument supplied: reasoning_effort", code=None)),
    ("openai", 404, says("tools is not supported in this model. For a list of supported models, see the docs.")),
    ("openai", 400, says("Invalid parameter: 'response_format' is not supported with this model.")),
    ("openai", 400, says("Web search options not supported with this model.")),
    ("openai", 400, says("Invalid content type. image_url is only supported by certain models.")),
    ("openai", 403, says("You are not allowed to request logprobs from this model")),
    ("together", 404, says("tools is not supported in this model")),
    ("together", 400, says("m does not support tools")),
    ("deepseek", 400, says("Thinking mode does not support this tool_choice")),
    ("deepseek", 400, says("messages[0]: unknown variant `input_audio`, expected `text` at line 1")),
    ("deepseek", 400, says("This response_format type is unavailable now")),
    ("hyperbolic", 400, {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice'}),
    ("google", 400, google("Multiple candidates is not enabled for this model")),
    ("google", 400, google("Only one candidate can be specified in the current model")),
    ("google", 400, google("Unable to submit request because candidateCount must be 1 but the entered value was 2.")),
    ("google", 400, google("Function calling is not enabled for models/gemma-3-12b-it")),
    ("google", 400, google("Json mode is not enabled for models/m")),
    ("google", 400, google("Function calling with a response mime type: 'application/json' is unsupported")),
    ("google", 400, google("Thinking level is not supported for this model.")),
    ("google", 400, google("Budget 0 is invalid. This model only works in thinking mode.")),
    (
        "google",
        403,
        google("You do not have permission to access the File f or it may not exist.", "PERMISSION_DENIED"),
    ),
    ("openrouter", 404, says("No endpoints found that support tool use.", code=404)),
    ("openrouter", 404, says("No endpoints found that support image input", code=404)),
    ("openrouter", 404, relayed("tools is not supported in this model", 404)),
    ("openrouter", 405, relayed(says("Tool calling is not supported for model: m"), 405)),
    ("openrouter", 400, relayed(says("no", code="unsupported_parameter"), 400)),
    ("openrouter", 400, relayed({"code": "x", "error": "Model m does not support parameter reasoningEffort."}, 400)),
    ("own", 400, says("registry.ollama.ai/library/m does not support tools", type="api_error")),
    ("own", 400, {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice', "code": 400}),
    ("own", 422, {"detail": [{"loc": ["body", "n"], "msg": "too many"}]}),
    ("own", 400, "anything at all"),
    ("own", 501, says("This server does not support tools", type="not_supported_error")),
    ("own", 500, says("tools param requires --jinja flag", type="server_error")),
]


@pytest.mark.parametrize(("provider", "status", "body"), UNSUPPORTED)
async def test_what_a_model_cant_do_is_asked_for_elsewhere_and_closes_nothing(
    provider: str, status: int, body: Body
) -> None:
    found = await refused(provider, status, body)
    assert (type(found), found.kind, found.elsewhere) == (NotHere, "unsupported", True)


TOO_LONG = [
    ("own", 400, says("This model's maximum context length is 4096 tokens. However, you requested 9000.", code=400)),
    ("own", 400, says("too much", type="exceed_context_size_error", n_ctx=4096)),
    ("own", 500, says("the request exceeds the available context size, try increasing it", type="server_error")),
    ("own", 400, {"error": "The model is loaded with context length of only 4096 tokens"}),
    ("hyperbolic", 400, {"object": "error", "message": "This model's maximum context length is 4096 tokens."}),
    ("together", 403, says("the prompt and max_tokens exceed the context length")),
    ("openrouter", 400, relayed(says("no", code="context_length_exceeded"), 400)),
]


@pytest.mark.parametrize(("provider", "status", "body"), TOO_LONG)
async def test_what_is_too_long_here_may_fit_elsewhere(provider: str, status: int, body: Body) -> None:
    found = await refused(provider, status, body)
    assert (type(found), found.kind) == (NotHere, "context_overflow")


GONE = [
    (
        "openrouter",
        404,
        says("Thank you for participating in the Stealth X Alpha testing period.", code=404),
        "retired",
    ),
    ("openrouter", 404, says("The alpha period for this model has ended.", code=404), "retired"),
    ("openrouter", 410, says("gone", code=410), "retired"),
    ("openrouter", 404, says("No endpoints found for m.", code=404), "not_found"),
    ("openai", 404, says("This is not a chat model", param="model"), "not_found"),
    ("openai", 400, says("invalid model ID", param="model"), "not_found"),
]


@pytest.mark.parametrize(("provider", "status", "body", "kind"), GONE)
async def test_a_model_that_is_gone_is_told_from_one_that_never_was(
    provider: str, status: int, body: Body, kind: str
) -> None:
    found = await refused(provider, status, body)
    assert (type(found), found.kind) == (NotHere, kind)


UNSAFE = [
    ("Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO", "Content violates usage guidelines."),
    ({"code": "no permission", "error": "Content violates usage guidelines."}, "Content violates usage guidelines."),
    (says("The response was filtered.", code="content_filter"), "The response was filtered."),
    (says("Your prompt was flagged as odd.", code="invalid_prompt"), "Your prompt was flagged as odd."),
    (says("Input data is not fine.", code="data_inspection_failed"), "Input data is not fine."),
]


@pytest.mark.parametrize(("raw", "text"), UNSAFE)
@pytest.mark.parametrize("status", [400, 403])
async def test_a_relayed_safety_refusal_ends_the_request_and_shows_its_text(raw: Body, text: str, status: int) -> None:
    found = await refused("openrouter", status, relayed(raw, status))
    assert (type(found), found.kind) == (RequestError, "content_filter")
    assert text in found.message


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429])
async def test_whatever_else_is_relayed_says_nothing_of_our_account(status: int) -> None:
    found = await refused("openrouter", status, relayed(says("no", code="invalid_api_key"), status))
    assert (type(found), found.kind) == (Overloaded, "upstream")


@pytest.mark.parametrize(
    ("provider", "status", "body", "kind"),
    [
        ("openai", 400, says("Invalid type for 'messages'", code="invalid_type"), RequestError),
        ("groq", 400, says("'messages' : minimum number of items is 1"), RequestError),
        ("google", 400, google("Request contains an invalid argument."), RequestError),
        ("own", 400, says("no", code="content_filter"), RequestError),
        ("google", 400, google("User location is not supported for the API use.", "FAILED_PRECONDITION"), AuthError),
        ("openrouter", 403, says("Key limit exceeded (total limit).", code=403), CreditsExhausted),
    ],
)
async def test_a_bad_request_stays_one(provider: str, status: int, body: Body, kind: type[ProviderError]) -> None:
    assert type(await refused(provider, status, body)) is kind


@pytest.mark.parametrize("provider", ["own", "hyperbolic", "deepseek", "groq", "openai", "together", "openrouter"])
@pytest.mark.parametrize("name", ["x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-reset-requests"])
async def test_a_429_whose_headers_name_the_reset_alone_has_its_moment(provider: str, name: str) -> None:
    before = time.time()
    found = await refused(provider, 429, says("slow down"), {name: "7"})
    assert isinstance(found, RateLimited)
    assert found.retry_at is not None
    assert 7 <= found.retry_at - before < 60


async def test_a_reset_beside_something_left_is_not_what_blocks() -> None:
    found = await refused("own", 429, says("slow down"), {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "7"})
    assert isinstance(found, RateLimited)
    assert found.retry_at is None


async def test_together_teaches_its_tokens_under_either_name() -> None:
    headers = {"x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "0"}
    found = await refused("together", 429, says("slow down"), headers)
    [row] = found.evidence
    assert (row.unit, row.amount, row.remaining, row.window_seconds) == ("total_token", 6000, 0, None)
