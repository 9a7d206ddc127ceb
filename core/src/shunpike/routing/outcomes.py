"""What to tell the ledger of an attempt that ended, and what to write into the record of the decision."""

from __future__ import annotations

from typing import Any

from shunpike.clock import Clock
from shunpike.errors import PluginError, ProviderError, QuotaExhausted, RateLimited
from shunpike.not_sent import is_unsent
from shunpike.routing.context import Attempt, Services
from shunpike.routing.send import UNSENT
from shunpike.routing.trouble import Failure
from shunpike.tokens import ESTIMATE
from shunpike.types import Answer, AttemptRecord, Basis, Bill, Outcome, Settlement
from shunpike.types.money import larger


def success(services: Services, attempt: Attempt, answer: Answer) -> Outcome:
    """An answer came, good or bad: it is billed either way."""
    return Outcome.model_construct(
        at=services.clock.now(),
        headers_at=answer.headers_at,
        usage=answer.usage,
        complete=not attempt.assembly.running,
        cut=any(choice.finish_reason == "length" for choice in answer.choices),
        delivered_tokens=_delivered(answer),
        served_model=answer.model,
        stated_cost=answer.stated_cost,
        price=services.served_price(attempt, answer.model, answer.usage.prompt_tokens, answer.service_tier),
        evidence=answer.evidence,
        finish_reason=answer.choices[0].finish_reason if answer.choices else None,
        system_fingerprint=answer.system_fingerprint,
        **_times(services.clock, attempt),
    )


def _times(clock: Clock, attempt: Attempt) -> dict[str, Any]:
    first = attempt.first_token_mono
    return {
        "seconds": clock.monotonic() - attempt.started_mono,
        "first_token_seconds": None if first is None else first - attempt.started_mono,
    }


def failure(services: Services, attempt: Attempt, error: Failure, opens_at: float | None = None) -> Outcome:
    """The provider failed, before or after it began to answer; what it limits opens at ``opens_at``."""
    outcome = _broken_off(services, attempt)
    bill = error.bill if isinstance(error, ProviderError) else None
    return outcome.model_copy(
        update={
            **({} if bill is None else _billed(services, attempt, bill)),
            "evidence": (*outcome.evidence, *error.evidence),
            "sent": _may_be_sent(attempt, error),
            "error": error.kind,
            "status": error.status,
            "billed": error.billed,
            "closed_until": opens_at if isinstance(error, RateLimited | QuotaExhausted) else None,
        }
    )


def _billed(services: Services, attempt: Attempt, bill: Bill) -> dict[str, Any]:
    """Return what was stated with the failure or after it, which is the last word, but takes nothing back."""
    so_far = attempt.assembly
    usage = bill.usage.after(so_far.usage)
    model, tier = bill.model or so_far.model, bill.service_tier or so_far.service_tier
    return {
        "usage": usage,
        **({} if bill.usage.basis is Basis.ABSENT else {"complete": True}),
        "served_model": model,
        "stated_cost": larger(so_far.stated_cost, bill.stated_cost),
        "price": services.served_price(attempt, model, usage.prompt_tokens, tier),
    }


def cancelled(services: Services, attempt: Attempt) -> Outcome:
    """The caller went away: what the provider still does with it depends on the provider."""
    return _broken_off(services, attempt).model_copy(update={"cancelled": True})


def broken(services: Services, attempt: Attempt, error: BaseException) -> Outcome:
    """Something that is no failure of the provider's ended it: a mistake of ours before it was sent, or the caller."""
    if attempt.first_token_mono is None and is_unsent(error):
        gone = not isinstance(error, Exception)
        return Outcome(at=services.clock.now(), sent=False, cancelled=gone, error=None if gone else UNSENT)
    return cancelled(services, attempt)


def _broken_off(services: Services, attempt: Attempt) -> Outcome:
    so_far = attempt.assembly
    return Outcome(
        at=services.clock.now(),
        headers_at=so_far.headers_at,
        usage=so_far.usage,
        complete=so_far.ended(attempt.ask.choices) and so_far.settled,
        cut=so_far.cut,
        delivered_tokens=attempt.delivered_tokens,
        served_model=so_far.model,
        stated_cost=so_far.stated_cost,
        price=services.served_price(attempt, so_far.model, so_far.usage.prompt_tokens, so_far.service_tier),
        # Of an answer that is not streamed nobody knows how much of it was made before the connection closed.
        cancel_safe=attempt.streamed and services.cancel_safe(attempt.target),
        evidence=so_far.evidence,
        system_fingerprint=so_far.system_fingerprint,
        **_times(services.clock, attempt),
    )


def _delivered(answer: Answer) -> int:
    total = 0
    for choice in answer.choices:
        message = choice.message
        total += ESTIMATE.count(message.text + (message.reasoning or "") + (message.refusal or ""))
        total += sum(ESTIMATE.count(call.function.name + call.function.arguments) for call in message.tool_calls or ())
    return total


def _may_be_sent(attempt: Attempt, error: Failure) -> bool:
    """False only when it is certain that no byte was sent: rejected here, or no connection came about."""
    if attempt.first_token_mono is not None:
        return True  # The mark of what is unsent belongs to the task that sends; a stream may be read in another.
    if is_unsent(error):
        return False
    if error.status is not None or isinstance(error, PluginError):
        return True
    return not (error.kind in ("unsupported", UNSENT) or (error.kind == "connection" and error.billed is False))


def attempt_record(
    clock: Clock, attempt: Attempt, booked: Settlement, outcome: Outcome, error: Failure | None
) -> AttemptRecord:
    """Return the attempt as it stands in the record of the decision."""
    kind = "cancelled" if outcome.cancelled else error.kind if error else outcome.error
    return AttemptRecord.model_construct(
        id=attempt.ask.attempt_id,
        provider=attempt.target.name,
        model=attempt.target.model.id,
        started_at=attempt.started_at,
        error=kind,
        message=error.message if error else None,
        status=error.status if error else None,
        usage=booked.usage,
        cost=booked.cost,
        state=booked.state.value,
        admit_seconds=attempt.admit_seconds,
        served_model=booked.served_model,
        list_price=booked.list_value,
        **_times(clock, attempt),
    )
