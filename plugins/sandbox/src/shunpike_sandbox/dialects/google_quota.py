"""The body of Google's 429: which quota, how much of it, and a delay that means little for a day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.limits import Hit

_DOMAIN = "generativelanguage.googleapis.com"
_NAMES = {
    ("free", "rpm"): ("{}_free_tier_requests", "{}RequestsPerMinutePerProjectPerModel-FreeTier"),
    ("free", "rpd"): ("{}_free_tier_requests", "{}RequestsPerDayPerProjectPerModel-FreeTier"),
    ("free", "tpm"): ("{}_free_tier_input_token_count", "{}ContentInputTokensPerModelPerMinute-FreeTier"),
    ("paid", "rpm"): ("{}_paid_tier_requests", "{}RequestsPerMinutePerProjectPerModel"),
    ("paid", "rpd"): ("{}_paid_tier_requests", "{}RequestsPerDayPerProjectPerModel"),
    ("paid", "tpm"): ("{}_paid_tier_input_token_count", "{}ContentPaidTierInputTokensPerModelPerMinute"),
}
_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits"


def violations(model: Model, tier: str, hits: Sequence[Hit], now: float, worst: Hit) -> tuple[str, list[Any]]:
    """Return message and details."""
    lines, rows = [], []
    for hit in hits:
        metric, quota_id = _named(model, tier, hit)
        lines.append(f"* Quota exceeded for metric: {metric}, limit: {hit.quota.amount}, model: {model.id}")
        row = {
            "quotaMetric": metric,
            "quotaId": quota_id,
            "quotaDimensions": {"location": "global", "model": model.id},
        }
        # A model outside the tier has a quota of zero, which Google leaves out as protobuf leaves out zeros.
        rows.append({**row, "quotaValue": str(hit.quota.amount)} if hit.quota.amount else row)
    # The delay ends with the minute even where the day is used up: so it was seen on the wire.
    delay = worst.retry_after if worst.quota.rule.zone is None else 60.0 - now % 60.0
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        f"error, head to: {_LIMITS}. To monitor your current usage, head to: https://ai.dev/rate-limit. \n"
        + "\n".join(lines)
        + f"\nPlease retry in {delay:.9f}s."
    )
    links = [{"description": "Learn more about Gemini API quotas", "url": _LIMITS}]
    details: list[Any] = [
        {"@type": "type.googleapis.com/google.rpc.Help", "links": links},
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": rows},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{math.ceil(delay)}s"},
    ]
    return message, details


def _named(model: Model, tier: str, hit: Hit) -> tuple[str, str]:
    metric, quota_id = _NAMES[tier, hit.quota.rule.name]
    embeds = model.kind == "embedding"
    action = "embed_content" if embeds else "generate_content"
    return f"{_DOMAIN}/{metric.format(action)}", quota_id.format("Embed" if embeds else "Generate")
