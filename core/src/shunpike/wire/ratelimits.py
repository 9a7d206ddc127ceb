"""Moments and amounts as providers write them: one parser for every spelling of "later" that was seen."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shunpike.types import Evidence, Unit
from shunpike.wire.dialect import RateHeaders

LONGEST = 64
"""Characters; a longer value is no number and no duration."""
FURTHEST = 400 * 86_400.0
"""Seconds; no limit resets later, so that a larger value is a mistake and says nothing."""

_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0,
}  # fmt: skip
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+", re.ASCII)
_TEXT = re.compile(
    r"(?:try again|retry)(?: after| in)?:?\s+"
    r"(?:(?P<count>[0-9]+(?:\.[0-9]+)?)\s*(?P<word>seconds?|secs?|minutes?|mins?|hours?)\b"
    r"|(?P<go>(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|ms|s|m|h|d))+))",
    re.IGNORECASE | re.ASCII,
)
_WORDS = {"sec": 1.0, "min": 60.0, "hou": 3600.0}
_COUNTED = re.compile(
    r"\((?P<name>RPM|RPD|TPM|TPD|ITPM|OTPM|ITPD|OTPD)\): Limit ~?(?P<limit>[0-9]+)"
    r"(?:, Used ~?(?P<used>[0-9]+))?, Requested ~?(?P<requested>[0-9]+)",
    re.ASCII,
)
_PER = re.compile(
    r"rate limit(?: is| exceeded:)? (?P<limit>[0-9]{1,15}) (?:(?P<what>queries|requests|tokens) )?"
    r"per (?:1 )?(?P<window>second|minute|hour|day)\b",
    re.IGNORECASE | re.ASCII,
)
_AT_ONCE = re.compile(
    r"\bconcurren(?:cy|t[ _](?:requests?|calls?))(?:[^.]{0,80}?\blimit(?: is| of|:)? (?P<limit>[1-9][0-9]{0,8})\b)?",
    re.IGNORECASE | re.ASCII,
)
_WINDOWS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_ALIKE = 1.5
"""By how much a window that was worked out may be longer or shorter than the one it is: resets are rounded."""
_UNITS = {"R": Unit.REQUEST, "T": Unit.TOTAL_TOKEN, "I": Unit.INPUT_TOKEN, "O": Unit.OUTPUT_TOKEN}


def parse_duration(text: str) -> float | None:
    """Return the seconds of ``1m26.4s``, ``644ms``, ``6m0s``, ``22s`` or a bare number; None for anything else."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    if _NUMBER.fullmatch(text):
        return _within(float(text))
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            return None
        total += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    return _within(total) if end == len(text) else None


def parse_moment(text: str, now: float) -> float | None:
    """Return the moment (epoch seconds) that a header names; None when it can't be read.

    Numbers are told apart by their size: below 10⁹ seconds from now, from 10¹¹ epoch milliseconds, between them epoch
    seconds. Dates may be HTTP's or ISO 8601. A moment may lie in the past: it is told as it was said.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text) and len(text) <= LONGEST:
        number = float(text)
        if number >= 1e9:
            return _near(number / 1000 if number >= 1e11 else number, now)
    seconds = parse_duration(text)
    if seconds is not None:
        return now + seconds
    date = _date(text) if len(text) <= LONGEST else None
    return None if date is None else _near(date, now)


def retry_moment(headers: Mapping[str, str], now: float) -> float | None:
    """Return when ``retry-after-ms`` or ``retry-after`` allow the next try; None when neither says so."""
    millis = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(millis) and len(millis) <= LONGEST:
        seconds = _within(float(millis) / 1000)
        if seconds is not None:
            return now + seconds
    told = headers.get("retry-after")
    return None if told is None else parse_moment(told, now)


def retry_told(message: str, now: float) -> float | None:
    """Return when a sentence such as ``Please try again in 9m38.016s.`` allows the next try, else None."""
    found = _TEXT.search(message[:4000])
    if found is None:
        return None
    if found["go"]:
        seconds = parse_duration(found["go"].lower())
    else:
        seconds = _within(float(found["count"][:LONGEST]) * _WORDS[found["word"][:3].lower()])
    return None if seconds is None else now + seconds


class StatedCount(NamedTuple):
    """A limit with its state, as a refusal's sentence counts it up."""

    name: str
    """Such as ``TPD``: tokens per day."""
    unit: Unit
    window: float
    limit: int
    used: int | None
    requested: int

    @property
    def text(self) -> str:
        """The limit for a person, such as ``100000 tokens a day (TPD)``."""
        what = "requests" if self.unit is Unit.REQUEST else "tokens"
        return f"{self.limit} {what} a {'day' if self.window == _WINDOWS['day'] else 'minute'} ({self.name})"

    @property
    def impossible(self) -> bool:
        """Whether the request alone is larger than the limit, so that no waiting helps."""
        return self.requested > self.limit


def counted(message: str) -> StatedCount | None:
    """Return what ``… (TPM): Limit 6000, Used 5000, Requested 1500`` says, None for another sentence.

    OpenAI and its imitators name the window nowhere else.
    """
    found = _COUNTED.search(message[:4000])
    if found is None or any(len(found[name] or "") > 15 for name in ("limit", "used", "requested")):
        return None
    name = found["name"]
    return StatedCount(
        name=name,
        unit=_UNITS[name[0]],
        window=86_400.0 if name.endswith("D") else 60.0,
        limit=int(found["limit"]),
        used=int(found["used"]) if found["used"] else None,
        requested=int(found["requested"]),
    )


def limit_told(message: str, now: float) -> Evidence | None:
    """Return the limit that a sentence such as ``Your rate limit is 60 queries per minute`` names, else None.

    One that is about ``concurrent requests`` names what runs at once, as used up, with or without its amount.
    """
    found = _PER.search(message[:4000])
    if found is None:
        return _at_once_told(message)
    return Evidence(
        unit=Unit.TOTAL_TOKEN if (found["what"] or "").lower() == "tokens" else Unit.REQUEST,
        amount=int(found["limit"]),
        resets_at=retry_told(message, now),
        window_seconds=_WINDOWS[found["window"].lower()],
        origin=f"refusal ({found[0]})",
    )


def _at_once_told(message: str) -> Evidence | None:
    found = _AT_ONCE.search(message[:4000])
    if found is None:
        return None
    amount = int(found["limit"]) if found["limit"] else None
    return Evidence(unit=Unit.CONCURRENT, amount=amount, remaining=0, origin="refusal (concurrent requests)")


def limit_text(evidence: Evidence) -> str:
    """Return the limit for a person, such as ``50 requests a day``."""
    if evidence.unit is Unit.CONCURRENT:
        return f"{evidence.amount} requests at once"
    seconds = evidence.window_seconds
    named = {length: name for name, length in _WINDOWS.items()}
    window = "" if seconds is None else f" a {named[seconds]}" if seconds in named else f" in {seconds:g} s"
    return f"{evidence.amount} {evidence.unit.replace('_', ' ')}s{window}"


def next_midnight(zone: str, now: float) -> float:
    """Return when the present day ends in an IANA time zone, epoch seconds; days may have 23 or 25 hours."""
    place = ZoneInfo(zone)
    tomorrow = datetime.fromtimestamp(now, place).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), place).timestamp()


def header_evidence(headers: Mapping[str, str], known: Sequence[RateHeaders], now: float) -> tuple[Evidence, ...]:
    """Return what ``headers`` tell about limits, by the dialect's table. What can't be read says nothing."""
    found = []
    for row in known:
        amount = _amount(headers.get(row.limit or ""))
        remaining = _amount(headers.get(row.remaining or ""))
        told = headers.get(row.reset or "")
        resets_at = None if told is None else parse_moment(told, now)
        if amount is None and remaining is None and resets_at is None:
            continue
        found.append(
            Evidence(
                unit=row.unit,
                amount=amount,
                remaining=remaining,
                resets_at=resets_at,
                window_seconds=row.window or (_refilled(amount, remaining, told) if row.refill else None),
                origin=f"header {row.limit or row.remaining or row.reset}",
            )
        )
    return tuple(found)


def _refilled(amount: int | None, remaining: int | None, reset: str | None) -> float | None:
    """Return the window of a limit that refills evenly: what is used of it comes back in its share of the window.

    12 ms for one of 5000 requests tell a minute, 8.64 s for one of 10,000 a day. Nothing used tells nothing, nor does
    what comes near no such window: another length, or a reset of everything at one moment.
    """
    seconds = parse_duration(reset or "")
    if seconds is None or amount is None or remaining is None or not remaining < amount:
        return None
    window = seconds * amount / (amount - remaining)
    if window <= 0:
        return None
    known = min(_WINDOWS.values(), key=lambda known: abs(math.log(known / window)))
    return known if 1 / _ALIKE <= known / window <= _ALIKE else None


def _amount(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(float(text)) if _NUMBER.fullmatch(text) and len(text) <= 18 else None


def _within(seconds: float) -> float | None:
    return seconds if 0 <= seconds <= FURTHEST else None


def _near(at: float, now: float) -> float | None:
    return at if at - now <= FURTHEST else None


def _date(text: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
