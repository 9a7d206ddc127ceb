"""What a request is expected to take at one target: tokens, money and time, as far as anything is known of them."""

from __future__ import annotations

from shunpike.protocols import RoutableRequest, Target, TargetState, View
from shunpike.routing.answer_lengths import TYPICAL_OUTPUT
from shunpike.types import Billing, Held, Speed, Usage

PRIOR_WEIGHT = 5.0
"""Answers that the usual speed counts for: one answer of a target says little, many say all."""
FIRST_TOKEN = 1.0
"""Seconds to the first token of a short prompt that are usual."""
PER_PROMPT_TOKEN = 1 / 5_000
PER_OUTPUT_TOKEN = 1 / 50
"""Seconds for each token that are usual."""
_UNSEEN = Speed()


def expected_output(request: RoutableRequest, view: View, state: TargetState) -> int:
    """Return the tokens that one answer of the target is likely to take; vectors are none."""
    if request.kind == "embedding":
        return 0
    likely = state.expected_output or view.expected_output or TYPICAL_OUTPUT
    return likely if request.output_cap is None else min(likely, request.output_cap)


def expected_cost(target: Target, request: RoutableRequest, view: View, state: TargetState) -> int | None:
    """Return what this very request is likely to take of money or credit, in pico-dollars; None = its price is unknown.

    Where a tier bills nobody it is nothing, whatever the list price.
    """
    if not target.paid and _billing(target) is not Billing.CREDIT:
        return 0
    if state.price is None:
        return None
    usage = Usage.model_construct(
        prompt_tokens=view.prompt_tokens,
        cached_tokens=int(view.prompt_tokens * (state.cached_share or 0.0)),
        completion_tokens=expected_output(request, view, state) * request.choices,
    )
    return state.price.of(usage).pico


def _billing(target: Target) -> Billing:
    return next((tier.billing for tier in target.provider.tiers if tier.name == target.tier), Billing.NONE)


def expected_seconds(request: RoutableRequest, view: View, state: TargetState) -> float:
    """Return the seconds until the end of the answer: the wait for a limit, the first token, all others."""
    speed = state.speed or _UNSEEN
    usual = FIRST_TOKEN + view.prompt_tokens * PER_PROMPT_TOKEN
    first = _drawn(speed.first_token, usual, speed.samples)
    each = _drawn(1 / speed.tokens_per_second if speed.tokens_per_second else None, PER_OUTPUT_TOKEN, speed.samples)
    took = first + expected_output(request, view, state) * each
    wait = max((state.blocked_until or view.now) - view.now, 0.0)
    if any(one.left <= 0 for one in state.remaining if isinstance(one.limit.window, Held)):
        wait += took  # As long as one of those that run there is likely to.
    return wait + took


def _drawn(seen: float | None, usual: float, weight: float) -> float:
    """Return what was seen, drawn towards what is usual as long as little was seen."""
    return usual if seen is None else (weight * seen + PRIOR_WEIGHT * usual) / (weight + PRIOR_WEIGHT)
