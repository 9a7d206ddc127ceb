"""Sorts what a provider refuses into the error tree: by documented code, else by status, never by prose.

The one exception is a sentence that names a limit, as the window stands nowhere else (``(TPD): Limit 100000, Used
97050, Requested 3619``), nor that it is of what runs at once (``concurrent requests``). All other text is only shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shunpike.errors import Overloaded, ProviderError, QuotaExhausted, RateLimited
from shunpike.masking import scrub
from shunpike.protocols.target import key_hint
from shunpike.types import Evidence, Unit
from shunpike.wire.dialect import Dialect, RateHeaders, Sentence
from shunpike.wire.error_body import Said, look_further, read_error
from shunpike.wire.failure_kinds import GAVE_UP, KINDS
from shunpike.wire.lenient import at, table
from shunpike.wire.ratelimits import (
    StatedCount,
    counted,
    header_evidence,
    limit_text,
    limit_told,
    next_midnight,
    retry_moment,
    retry_told,
)
from shunpike.wire.wrong_place import IN_FRONT, is_in_front

STATUSES = {
    400: "invalid_request",
    401: "auth",
    402: "credits",
    403: "permission",
    404: "not_found",
    405: "not_found",
    408: "timeout",
    409: "upstream",
    410: "retired",
    413: "too_large",
    421: "upstream",
    422: "invalid_request",
    424: "upstream",
    425: "overloaded",
    429: "rate_limited",
    451: "region",
    498: "overloaded",
    499: "upstream",
    501: "unsupported",
    502: "upstream",
    504: "timeout",
    520: "upstream",
    521: "connection",
    522: "timeout",
    523: "connection",
    524: "timeout",
}
"""What a status means where no documented code does; other 5xx are ``overloaded``, other 4xx ``invalid_request``."""

OF_THE_KEY = frozenset({401, 402, 403, 404, 429})
"""Statuses that say nothing of our key, account or model where a provider behind the one we asked gave them."""
OF_THE_MODEL = {400: "not_found", 403: "tier", 404: "not_found", 422: "not_found"}
"""What a status means where the refused parameter is the model: neither the key nor the rest of the request."""

OF_THE_REQUEST = frozenset({"content_filter", "context_overflow", "too_large", "unsupported"})
"""Kinds that are about the request and the model, so that they hold as well where another provider said them."""

IN_BAND = {
    "authentication_error": 401,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 503,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "requests": 429,
    "server_error": 500,
    "tokens": 429,
}
"""Error types of which the status is known: an error inside a stream has no status of its own."""

USUAL_RESETS = tuple(
    RateHeaders(unit=Unit.REQUEST, remaining=f"{family}-remaining{what}", reset=f"{family}-reset{what}")
    for family in ("x-ratelimit", "ratelimit")
    for what in ("", "-requests", "-tokens")
)
"""Where providers without rate limit headers of their own may still name a moment."""


@dataclass(frozen=True, slots=True)
class Side:
    """Who was asked with what, as far as an error has to name it. ``secret`` serves to remove it from messages."""

    provider: str
    dialect: Dialect = field(default_factory=Dialect)
    env_key: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is an error, as it came. ``now`` is epoch seconds; a status of 200 means: inside an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: float
    model: str | None = None


def classify(refused: Refused, side: Side) -> ProviderError:
    """Return the error that a refusal means.

    A documented code decides, else the status. ``billed`` is what the dialect says, None where only a waiting ended.
    """
    dialect = side.dialect
    said = look_further(read_error(refused.body), dialect.codes_at, dialect.texts_at)
    refused = replace(refused, headers={**refused.headers, **_told_headers(said, dialect)})
    status = refused.status if refused.status >= 300 else said.status or _in_band(said.codes)
    sum_up = counted(said.message) if status in (400, 413, 429) else None
    row = dialect.sentence(status, " ".join((said.message, said.also, *said.codes, *said.also_codes)))
    kind = _kind(status, said, dialect, row)
    if kind == "rate_limited" and sum_up is not None:
        kind = _counted_kind(sum_up, dialect)
    error = KINDS[kind](
        _sentence(refused, said, side, kind), provider=side.provider, model=refused.model, status=status, kind=kind
    )
    error.hint = row.hint if row and row.hint else _hint(kind, status, said, side)
    error.billed = dialect.errors_billed or (None if refused.status in GAVE_UP else False)
    error.provider_request_id = request_id(refused.headers, dialect)
    error.evidence = header_evidence(refused.headers, dialect.ratelimits, refused.now)
    words = " ".join((said.message, *said.codes))
    told = _evidence(sum_up, said, refused.now) if sum_up else limit_told(words, refused.now)
    if told is not None and status in (400, 413, 429):
        error.evidence += (told,)
    if row is not None and row.window is not None:
        error.evidence = _of_window(error.evidence, row.window)
    _set_moment(error, said, refused, row)
    _name_limit(error, sum_up)
    return error


def request_id(headers: Mapping[str, str], dialect: Dialect) -> str | None:
    """Return the id under which the provider's support finds the request."""
    return next((headers[name] for name in dialect.request_id_headers if name in headers), None)


def _kind(status: int | None, said: Said, dialect: Dialect, row: Sentence | None) -> str:
    """Return what decides first: a documented code, a documented sentence, whose refusal it was, the status."""
    kind = _kind_of_detail(said, dialect) or (row.kind if row is not None else None)
    return (
        kind or _relayed_kind(status, said, dialect) or _model_kind(status, said) or _status_kind(status, said, dialect)
    )


def _relayed_kind(status: int | None, said: Said, dialect: Dialect) -> str | None:
    """Return what the refusal of a provider behind the one we asked means, None where it was nobody else's."""
    if dialect.relayed_at is None or not at(said.detail, dialect.relayed_at):
        return None
    kinds = (dialect.meaning(code) for code in said.also_codes)
    kind = next((kind for kind in kinds if kind in OF_THE_REQUEST), None)
    return kind or ("upstream" if status in OF_THE_KEY else None)


def _model_kind(status: int | None, said: Said) -> str | None:
    """Return what a refusal means that is about the model, not about the key or the rest of the request."""
    if status is not None and said.param == "model":
        return OF_THE_MODEL.get(status)
    return "tier" if status == 403 and any(code.startswith("model_") for code in said.codes) else None


def _status_kind(status: int | None, said: Said, dialect: Dialect) -> str:
    if status is None or is_in_front(status, said):
        return "upstream"
    kind = dialect.statuses.get(status) or STATUSES.get(status)
    if kind is not None:
        return kind
    if status >= 500:
        return "overloaded"
    return "invalid_request" if status >= 400 else "upstream"


def _kind_of_detail(said: Said, dialect: Dialect) -> str | None:
    for code in said.codes:
        kind = dialect.meaning(code)
        if kind is not None:
            return kind
    return next((kind for path, kind in dialect.kinds_at.items() if at(said.detail, path) not in (None, [], "")), None)


def _told_headers(said: Said, dialect: Dialect) -> dict[str, str]:
    told = table(at(said.detail, dialect.headers_at)) if dialect.headers_at else {}
    return {name.lower(): str(value) for name, value in told.items()}


def _of_window(found: tuple[Evidence, ...], window: float) -> tuple[Evidence, ...]:
    """Return the evidence as that of the limit which a sentence named: it is used up, whatever its size."""
    if not found:
        return (Evidence(unit=Unit.REQUEST, remaining=0, window_seconds=window, origin="refusal"),)
    used_up = {"window_seconds": window, "remaining": 0}
    return tuple(row.model_copy(update=used_up) if row.window_seconds is None else row for row in found)


def _counted_kind(sum_up: StatedCount, dialect: Dialect) -> str:
    if sum_up.impossible:
        return "too_large"
    return "quota" if sum_up.window >= dialect.quota_window else "rate_limited"


def _set_moment(error: ProviderError, said: Said, refused: Refused, row: Sentence | None) -> None:
    told = (retry_moment(refused.headers, refused.now), retry_told(said.message, refused.now))
    # Where header and sentence differ, the earlier try would be refused again.
    hint = max((moment for moment in told if moment is not None), default=None)
    # A limit with nothing left tells when it opens; one with something left is not what blocks.
    opens = max((one.resets_at for one in error.evidence if one.remaining == 0 and one.resets_at), default=None)
    if row is not None and row.zone is not None and isinstance(error, QuotaExhausted):
        # A short hint does not open a limit of the calendar.
        error.reset_at = opens or next_midnight(row.zone, refused.now)
        error.evidence = tuple(one.model_copy(update={"resets_at": error.reset_at}) for one in error.evidence)
    elif isinstance(error, QuotaExhausted):
        error.reset_at = hint or opens or _reset_alone(error, refused)
    elif isinstance(error, RateLimited):
        error.retry_at = hint or opens or _reset_alone(error, refused)
    elif isinstance(error, Overloaded):
        error.retry_at = hint or opens


def _reset_alone(error: ProviderError, refused: Refused) -> float | None:
    """Return the moment of a refusal that names a reset and not what is left: nothing is, or it would be none."""
    usual = header_evidence(refused.headers, USUAL_RESETS, refused.now)
    moments = [one.resets_at for one in (*error.evidence, *usual) if one.resets_at and not one.remaining]
    return max(moments, default=None)


def _name_limit(error: ProviderError, sum_up: StatedCount | None) -> None:
    if not isinstance(error, QuotaExhausted | RateLimited):
        return
    blocking = next((row for row in error.evidence if row.remaining == 0 and row.amount is not None), None)
    if sum_up is not None:
        error.limit = sum_up.text
    elif blocking is not None:
        error.limit = limit_text(blocking)


def _evidence(sum_up: StatedCount, said: Said, now: float) -> Evidence:
    return Evidence(
        unit=sum_up.unit,
        amount=sum_up.limit,
        remaining=None if sum_up.used is None else max(0, sum_up.limit - sum_up.used),
        resets_at=retry_told(said.message, now),
        window_seconds=sum_up.window,
        origin=f"refusal ({sum_up.name})",
    )


def _hint(kind: str, status: int | None, said: Said, side: Side) -> str | None:
    if kind in ("auth", "permission") and side.env_key:
        return key_hint(side.env_key, side.provider)
    return IN_FRONT if is_in_front(status, said) else None


def _sentence(refused: Refused, said: Said, side: Side, kind: str) -> str:
    where = f"{side.provider}/{refused.model}" if refused.model else side.provider
    status = f" ({refused.status})" if refused.status >= 300 else ""
    if 300 <= refused.status < 400:
        return f"{where}{status}: the address redirects, which is not followed: the key belongs to its origin"
    told = ": ".join(dict.fromkeys(text for text in (said.message, said.also) if text))
    told = told or ("a web page answered, not the API" if said.page else "")
    text = scrub(told, side.secret) or kind.replace("_", " ")
    return f"{where}{status}: {text}"


def _in_band(codes: tuple[str, ...]) -> int | None:
    return next((IN_BAND[code] for code in codes if code in IN_BAND), None)
