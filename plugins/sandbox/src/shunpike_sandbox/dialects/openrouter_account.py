"""What OpenRouter tells beside answers: the key's state, credits, earlier generations; models stand apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.dialects import openrouter_models
from shunpike_sandbox.dialects.openrouter_errors import OpenRouterErrors
from shunpike_sandbox.limits import Quota
from shunpike_sandbox.money import PICO
from shunpike_sandbox.replies import PlainReply
from shunpike_sandbox.service import plain_json
from shunpike_sandbox.visits import Visit

_KEPT = 2_000
# What an answer's record has beside its facts, and the sandbox has nothing to say about.
_NOT_KNOWN = [
    "api_type",
    "app_id",
    "cache_discount",
    "data_region",
    "external_user",
    "http_referer",
    "moderation_latency",
    "native_tokens_completion_images",
    "num_fetches",
    "num_input_audio_prompt",
    "num_media_completion",
    "num_media_prompt",
    "num_search_results",
    "preset_id",
    "provider_responses",
    "router",
    "service_tier",
    "upstream_id",
    "user_agent",
    "web_search_engine",
    "workspace_id",
]


def remember(visit: Visit, answer_id: str) -> None:
    """Keep an answer so that ``/generation`` can tell about it."""
    if visit.account is not None:
        visit.account.answers[answer_id] = visit
        while len(visit.account.answers) > _KEPT:
            visit.account.answers.popitem(last=False)


def inform(service: OpenRouterErrors, request: Request) -> PlainReply:
    """Answer a request that costs nothing."""
    path = request.url.path.rstrip("/")
    if path.endswith(openrouter_models.PUBLIC) or "author" in request.path_params:
        return openrouter_models.inform(service, request)
    account = service.admit_key(service.key(request))
    if path.endswith("/models/user"):
        return openrouter_models.inform(service, request)
    if path.endswith("/credits"):
        raise service.refusal(403, "Only management keys can perform this operation")
    if path.endswith("/generation"):
        return _generation(service, account, request.query_params.get("id", ""))
    return plain_json({"data": _key(service, account)})


def _key(service: OpenRouterErrors, account: SimulatedAccount) -> dict[str, Any]:
    spent = account.spent / PICO
    day = _free_day(service, account)
    used = account.gate.readings([day], service.world.clock.now())["rpd"].used
    return {
        "label": "sandbox key",
        "allowed_data_regions": [],
        "budgets": [],
        "creator_user_id": None,
        "effective_budget": None,
        "organization_id": None,
        "workspace_id": None,
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "usage": spent,
        "usage_daily": spent,
        "usage_weekly": spent,
        "usage_monthly": spent,
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "include_byok_in_limit": False,
        "is_free_tier": account.tier == "free",
        "is_management_key": False,
        "is_provisioning_key": False,
        "expires_at": None,
        "free_model_daily_requests": {"used": used, "limit": day.amount, "remaining": max(0, day.amount - used)},
        "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."},
    }


def _free_day(service: OpenRouterErrors, account: SimulatedAccount) -> Quota:
    free = next(model for model in service.provider.models.values() if model.id.endswith(":free"))
    return next(quota for quota in free.quotas[account.tier] if quota.rule.name == "rpd")


def _generation(service: OpenRouterErrors, account: SimulatedAccount, answer_id: str) -> PlainReply:
    visit = account.answers.get(answer_id)
    if visit is None or visit.generation is None or not visit.closed:
        raise service.refusal(404, f"Generation {answer_id} not found")
    generation, billed = visit.generation, visit.billed / PICO
    data = {
        "id": answer_id,
        "model": visit.model.id if visit.model else visit.asked_model,
        "created_at": datetime.fromtimestamp(visit.created, UTC).isoformat(),
        "total_cost": billed,
        "usage": billed,
        "upstream_inference_cost": None,
        "is_byok": False,
        "streamed": visit.generated > 0,
        "cancelled": visit.outcome == "cancelled",
        "provider_name": "Sandbox",
        "finish_reason": generation.choices[0].finish,
        "native_finish_reason": generation.choices[0].finish,
        "tokens_prompt": generation.prompt_tokens,
        "tokens_completion": visit.made,
        "native_tokens_prompt": generation.prompt_tokens,
        "native_tokens_completion": visit.made,
        "native_tokens_reasoning": generation.thought_tokens,
        "native_tokens_cached": generation.cached_tokens,
        "latency": 0,
        "generation_time": 0,
        "origin": "",
        **dict.fromkeys(_NOT_KNOWN),
    }
    return plain_json({"data": data})
