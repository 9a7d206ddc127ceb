"""What went wrong, as a problem of the API: which status, which code, and whether asking again can help."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shunpike.errors import (
    Exhausted,
    PromptTooLarge,
    ProviderError,
    ShunpikeError,
    StoreError,
    UnknownModel,
    UnknownProvider,
)
from shunpike.openai_format import error_body, opens_at, status_of
from shunpike.types import AttemptRecord, Candidate, Cause, DeniedBy, Unit, Verdict
from shunpike.types.base import iso
from shunpike_gateway.exchange import ApiError, RejectedBody

LONGEST_RETRY = 60.0
"""Seconds that clients wait at most when they are told to; some give up at once where it is more, some sleep it all."""
OVERFLOW = "context_length_exceeded"
QUOTA = "insufficient_quota"
_OVERSIZED = frozenset({"too_large", "context_overflow"})
_SPENT = frozenset({"rate_limited", "quota", "credits", "spend_cap"})
"""Kinds of failures that say that an account may ask no more for a time."""
_TOKENS = frozenset({Unit.TOTAL_TOKEN, Unit.INPUT_TOKEN})


def problem_of(error: ShunpikeError, now: float) -> ApiError:
    """Return what a client is told of ``error`` at ``now``, epoch seconds."""
    plain = _plain(error)
    if isinstance(error, PromptTooLarge):
        return _overflow(plain, error.tokens, error.most_tokens)
    if isinstance(error, UnknownModel | UnknownProvider):
        return replace(plain, status=404, code="model_not_found", param="model")
    if isinstance(error, StoreError):
        return replace(plain, should_retry=None, retry_after=1.0)
    if isinstance(error, Exhausted):
        return _exhausted(plain, error, now)
    if isinstance(error, ProviderError) and plain.status == 429:
        return _closed(plain, now, of_money=False)
    return plain


def rejected(error: RejectedBody) -> ApiError:
    """Return what a client is told whose body can't be read."""
    kind = "invalid_request_error"
    may_help = None if error.status == 408 else False
    return ApiError(error.status, kind, error.code, error.message, error.param, should_retry=may_help)


def broken(kind: str) -> ApiError:
    """Return what a client is told of a mistake of our own; ``kind`` is the name of an exception."""
    message = f"the gateway itself failed ({kind})"
    return ApiError(500, "api_error", "internal_error", message, hint="see its log", should_retry=False)


def _plain(error: ShunpikeError) -> ApiError:
    body = error_body(error)
    return ApiError(
        status=status_of(error),
        kind=body["type"],
        code=body["code"],
        message=body["message"],
        hint=body["hint"],
        request_id=body["request_id"],
        retry_at=opens_at(error),
        # Whatever could be tried again was, by us: a client that does so too multiplies an outage.
        should_retry=False,
        attempts=tuple(body["attempts"]),
    )


def _exhausted(plain: ApiError, error: Exhausted, now: float) -> ApiError:
    candidates, attempts = error.decision.candidates, error.decision.attempts
    if error.retry_at is None and _is_overflow(candidates, [one.error for one in attempts]):
        return _overflow(plain, error.decision.prompt_tokens, most_tokens(candidates))
    first = _opens_first(candidates)
    if first is not None and _is_in_trouble(first, attempts):
        waits = None if plain.retry_at is None else _seconds(plain.retry_at, now)
        after = waits if waits is not None and waits <= LONGEST_RETRY else None
        return replace(plain, status=503, kind="overloaded_error", code="overloaded", retry_after=after)
    of_money = _by_budget(candidates) if first is None else first.by is DeniedBy.BUDGET
    if of_money or plain.status == 429:
        return _closed(plain, now, of_money=of_money)
    return plain


def _closed(plain: ApiError, now: float, *, of_money: bool) -> ApiError:
    """Return what is told where only time, or money, opens what is asked for.

    Clients try again where that is soon. Where it is not, the code is that of a spent quota, at which they end.
    """
    until = plain.retry_at
    waits = None if until is None else _seconds(until, now)
    if waits is not None and waits <= LONGEST_RETRY and not of_money:
        message = _with_word(plain.message, f"please try again in {waits:.0f}s")
        kind, code = "rate_limit_error", "rate_limit_exceeded"
        told = replace(plain, status=429, kind=kind, code=code, message=message)
        return replace(told, retry_after=waits, should_retry=None)
    message = plain.message if until is None else _with_word(plain.message, f"open again at {iso(until) or until}")
    return replace(plain, status=429, kind=QUOTA, code=QUOTA, message=message)


def _overflow(plain: ApiError, tokens: int, most: int) -> ApiError:
    """Return what is told where the prompt is too large for everybody: agents shorten it then, and ask again."""
    message = (
        f"the maximum context length is {most} tokens, but the messages resulted in about {tokens} tokens: "
        "shorten them, or ask for fewer tokens of output"
        if most
        else f"the messages are too large for every model that may be asked: about {tokens} tokens"
    )
    kind, told = "invalid_request_error", replace(plain, message=message, param="messages", code=OVERFLOW)
    return replace(told, status=400, kind=kind, too_large=True, tokens=tokens, most_tokens=most, retry_at=None)


def most_tokens(candidates: Iterable[Candidate]) -> int:
    """Return the largest prompt that any of those could take that were passed over for its size; 0 = nobody knows."""
    found = [one.context for one in candidates if one.context is not None]
    limits = [one.evidence.limit for one in candidates if one.cause is Cause.TOO_LARGE and one.evidence is not None]
    return max([*found, *(one.amount for one in limits if one is not None and one.unit in _TOKENS)], default=0)


def _is_overflow(candidates: Iterable[Candidate], errors: list[str | None]) -> bool:
    """Whether the size of the request, and nothing else, is in the way of all that could answer it.

    What can't answer such a request at all, or was not set up, does not count.
    """
    if any(one not in _OVERSIZED for one in errors):
        return False
    causes = {
        Cause.POLICY if one.by is DeniedBy.BUDGET else one.cause
        for one in candidates
        if one.verdict is not Verdict.FAILED
    }
    sized = bool(errors) or not causes.isdisjoint({Cause.CONTEXT, Cause.TOO_LARGE})
    return sized and causes.isdisjoint({Cause.QUOTA, Cause.TROUBLE, Cause.POLICY, Cause.UNKNOWN_CONTEXT})


def _opens_first(candidates: Iterable[Candidate]) -> Candidate | None:
    waiting = [one for one in candidates if one.retry_at is not None]
    return min(waiting, key=lambda one: one.retry_at or 0.0, default=None)


def _is_in_trouble(one: Candidate, attempts: Iterable[AttemptRecord]) -> bool:
    """Whether trouble at the provider is in the way of ``one``, and no limit."""
    if one.verdict is not Verdict.FAILED:
        return one.cause is Cause.TROUBLE
    its = [tried.error for tried in attempts if (tried.provider, tried.model) == (one.provider, one.model)]
    return bool(its) and its[-1] not in _SPENT


def _by_budget(candidates: Iterable[Candidate]) -> bool:
    """Whether a budget, and no limit, denied what was denied."""
    denied = {one.by for one in candidates if one.by is not None and one.by is not DeniedBy.POLICY}
    return denied == {DeniedBy.BUDGET}


def _seconds(until: float, now: float) -> float:
    return float(max(1, math.ceil(until - now)))


def _with_word(message: str, word: str) -> str:
    """Return ``message`` with ``word`` at the end of its first line: the others list who could not answer."""
    first, newline, rest = message.partition("\n")
    return f"{first.rstrip('.:')}; {word}{newline}{rest}"


def with_id(problem: ApiError, request_id: str) -> ApiError:
    """Return ``problem`` with the id of its request, where it has none."""
    return problem if problem.request_id is not None else replace(problem, request_id=request_id)


def openai_error(problem: ApiError) -> dict[str, Any]:
    """Return the body of an error as OpenAI's clients read it, with what is known beside their fields."""
    at = problem.retry_at
    error = {
        "message": problem.message,
        "type": problem.kind,
        "param": problem.param,
        "code": problem.code,
        "hint": problem.hint,
        "request_id": problem.request_id,
        "retry_at": None if at is None else iso(at),
        "attempts": list(problem.attempts),
    }
    return {"error": error}
