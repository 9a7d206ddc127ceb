"""Sorts what a provider refuses into the error tree: by documented code, else by status, never by prose.

The one exception is a sentence that counts a limit up (``(TPD): Limit 100000, Used 97050, Requested 3619``): there the
window stands nowhere else. All other text is only shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shunpike.errors import Overloaded, ProviderError, QuotaExhausted, RateLimited
from shunpike.types import Evidence
from shunpike.wire.dialect import Dialect
from shunpike.wire.kinds import KINDS
from shunpike.wire.lenient import decode, string, table
from shunpike.wire.ratelimits import Counted, counted, header_evidence, retry_moment, retry_told

LONGEST_MESSAGE = 500
"""Characters of a provider's own text that are passed on."""

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
    502: "upstream",
    504: "timeout",
    520: "upstream",
    521: "connection",
    522: "timeout",
    523: "connection",
    524: "timeout",
}
"""What a status means where no documented code does; other 5xx are ``overloaded``, other 4xx ``invalid_request``."""

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

_SECRET = re.compile(
    r"Bearer\s+\S+|\b(?:sk|pk|rk|gsk|tgp|xai|hf|key|api)[-_][A-Za-z0-9_\-*.]{8,}|\bAIza[A-Za-z0-9_\-]{10,}|\bAQ\.[A-Za-z0-9_\-]{10,}",
    re.IGNORECASE,
)


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


@dataclass(frozen=True, slots=True)
class Said:
    """What the body of a refusal says, whatever shape it has."""

    message: str = ""
    codes: tuple[str, ...] = ()
    """Code and type, the more exact one first."""
    status: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The error object itself, for what only one provider has."""
    page: bool = False
    """Whether it is a web page: then something in front of the API answered, which knows neither key nor request."""


def read_error(body: bytes) -> Said:
    """Return what an error body says. Never fails: HTML, plain text and an empty body say little, but say it."""
    try:
        data = decode(body)
    except ValueError:
        text = str(body, "utf-8", "replace").strip()
        return Said(page=True) if text.startswith("<") else Said(text)
    if isinstance(data, list):
        data = data[0] if data else None
    if isinstance(data, str):
        return Said(data)
    whole = table(data)
    error = whole.get("error")
    if isinstance(error, str):
        return Said(error, _codes(whole), _status(whole), whole)
    if isinstance(error, Mapping):
        return Said(_message(error) or _message(whole), _codes(error), _status(error), error)
    return Said(_message(whole), _codes(whole), _status(whole), whole)


def classify(refused: Refused, side: Side) -> ProviderError:
    """Return the error that a refusal means.

    A documented code decides, else the status. ``billed`` is False unless the dialect says that errors are billed.
    """
    said = read_error(refused.body)
    status = refused.status if refused.status >= 300 else said.status or _in_band(said.codes)
    sum_up = counted(said.message) if status in (400, 413, 429) else None
    kind = _kind(status, said, side.dialect)
    if kind == "rate_limited" and sum_up is not None:
        kind = _counted_kind(sum_up, side.dialect)
    error = KINDS[kind](
        _sentence(refused, said, side, kind), provider=side.provider, model=refused.model, status=status, kind=kind
    )
    if kind == "auth" and side.env_key:
        error.hint = f"check the variable {side.env_key}"
    error.billed = side.dialect.errors_billed
    error.provider_request_id = request_id(refused.headers, side.dialect)
    error.evidence = header_evidence(refused.headers, side.dialect.ratelimits, refused.now)
    if sum_up is not None:
        error.evidence += (_evidence(sum_up, said, refused.now),)
    _set_moment(error, said, refused, sum_up)
    return error


def scrub(text: str, secret: str | None) -> str:
    """Return ``text`` on one line, shortened, without the key and without anything that looks like one."""
    if secret and len(secret) >= 4:
        text = text.replace(secret, "***")
    text = _SECRET.sub("***", " ".join(text[: 4 * LONGEST_MESSAGE].split()))
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def request_id(headers: Mapping[str, str], dialect: Dialect) -> str | None:
    """Return the id under which the provider's support finds the request."""
    return next((headers[name] for name in dialect.request_id_headers if name in headers), None)


def _kind(status: int | None, said: Said, dialect: Dialect) -> str:
    for code in said.codes:
        kind = dialect.meaning(code)
        if kind is not None:
            return kind
    if status is None or (said.page and status in (400, 403, 405)):
        return "upstream"
    kind = dialect.statuses.get(status) or STATUSES.get(status)
    if kind is not None:
        return kind
    if status >= 500:
        return "overloaded"
    return "invalid_request" if status >= 400 else "upstream"


def _counted_kind(sum_up: Counted, dialect: Dialect) -> str:
    if sum_up.impossible:
        return "too_large"
    return "quota" if sum_up.window >= dialect.quota_window else "rate_limited"


def _set_moment(error: ProviderError, said: Said, refused: Refused, sum_up: Counted | None) -> None:
    at = retry_moment(refused.headers, refused.now) or retry_told(said.message, refused.now)
    if at is None:
        # A limit with nothing left tells when it opens; one with something left is not what blocks.
        used_up = [row.resets_at for row in error.evidence if row.remaining == 0 and row.resets_at is not None]
        at = max(used_up, default=None)
    if isinstance(error, QuotaExhausted):
        error.reset_at = at
    elif isinstance(error, RateLimited | Overloaded):
        error.retry_at = at
    if isinstance(error, QuotaExhausted | RateLimited) and sum_up is not None:
        error.limit = sum_up.name


def _evidence(sum_up: Counted, said: Said, now: float) -> Evidence:
    return Evidence(
        unit=sum_up.unit,
        amount=sum_up.limit,
        remaining=None if sum_up.used is None else max(0, sum_up.limit - sum_up.used),
        resets_at=retry_told(said.message, now),
        window_seconds=sum_up.window,
        origin=f"refusal ({sum_up.name})",
    )


def _sentence(refused: Refused, said: Said, side: Side, kind: str) -> str:
    where = f"{side.provider}/{refused.model}" if refused.model else side.provider
    status = f" ({refused.status})" if refused.status >= 300 else ""
    if 300 <= refused.status < 400:
        return f"{where}{status}: the address redirects, which is not followed: the key belongs to its origin"
    text = scrub(said.message, side.secret) or kind.replace("_", " ")
    return f"{where}{status}: {text}"


def _message(data: Mapping[str, Any]) -> str:
    for name in ("message", "detail", "error_description", "title"):
        value = data.get(name)
        if isinstance(value, str) and value:
            return string(value)
        if isinstance(value, list) and value:
            return "; ".join(_part(row) for row in value[:5])
        if isinstance(value, Mapping) and value:
            return _message(value)
    return ""


def _part(row: Any) -> str:
    """Return one entry of a validation error's list: where it is and what is wrong."""
    data = table(row)
    place = data.get("loc")
    where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    text = string(data.get("msg")) or string(data.get("message")) or string(row)
    return f"{where}: {text}" if where else text


def _codes(data: Mapping[str, Any]) -> tuple[str, ...]:
    named = (data.get("code"), data.get("type"), data.get("error_type"), data.get("status"))
    return tuple(value for value in named if isinstance(value, str) and value)


def _status(data: Mapping[str, Any]) -> int | None:
    for name in ("status_code", "http_status", "code", "status"):
        value = data.get(name)
        if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _in_band(codes: tuple[str, ...]) -> int | None:
    return next((IN_BAND[code] for code in codes if code in IN_BAND), None)
