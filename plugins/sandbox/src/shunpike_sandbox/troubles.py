"""The refusals that a fault asks for, each in the words of the provider that is played."""

from __future__ import annotations

import math

from shunpike_sandbox import faults
from shunpike_sandbox.dialect_errors import DialectErrors
from shunpike_sandbox.limits import Hit, Quota, Rule
from shunpike_sandbox.refusals import ErrorReply
from shunpike_sandbox.visits import Visit

_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)
_PAGES = {faults.HTML: 502, faults.PAGE: 200}


def refusal_of(fault: str | None, errors: DialectErrors, visit: Visit, seconds: float) -> ErrorReply | None:
    """Return the refusal that ``fault`` stands for, None where the request goes on.

    One that speaks of a limit says that it opens after ``seconds``.
    """
    if fault in _PAGES:
        return ErrorReply(_PAGES[fault], _PAGE, content_type="text/html; charset=UTF-8")
    refusals = {
        faults.OVERLOADED: errors.overloaded,
        faults.INTERNAL: errors.internal,
        faults.UPSTREAM: errors.upstream,
        faults.MODEL_FORBIDDEN: errors.model_forbidden,
        faults.MODEL_ENDED: errors.model_ended,
        faults.UNSAFE: errors.unsafe,
    }
    if fault in refusals:
        return refusals[fault](visit)
    if fault in (faults.RATE_LIMITED, faults.RESET_ALONE):
        return _as_if_limited(errors, visit, seconds, alone=fault == faults.RESET_ALONE)
    return None


def _as_if_limited(errors: DialectErrors, visit: Visit, seconds: float, *, alone: bool) -> ErrorReply:
    if visit.model is None or visit.account is None:
        raise RuntimeError("a visit is limited only after its model and its account are known")
    quotas = [one for one in visit.model.quotas[visit.account.tier] if one.rule.seconds is not None]
    quota = quotas[0] if quotas else Quota(Rule("rpm", "requests", 60.0), 60, visit.model.id)
    refusal = errors.limited(visit, visit.model, [Hit(quota, quota.amount, 1, seconds)])
    if alone:
        refusal.headers = {"x-ratelimit-reset": str(math.ceil(seconds))}
    return refusal
