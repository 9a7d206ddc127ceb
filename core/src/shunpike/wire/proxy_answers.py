"""Tells an answer that a proxy made itself from one that it passed on: only plain requests are in its hands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

NEEDS_LOGIN = 407
BROKEN_WAY = frozenset({502, 504})
"""Statuses of one that asked another and got no good answer."""
SQUID = "x-squid-error"
STATUS = "proxy-status"  # RFC 9209
_ERROR = re.compile(r';\s*error="?([a-z_]+)')
PASSED_NOTHING_ON = frozenset(
    {
        # Squid's own
        "ERR_ACCESS_DENIED",
        "ERR_CACHE_ACCESS_DENIED",
        "ERR_CONNECT_FAIL",
        "ERR_DNS_FAIL",
        "ERR_FORWARDING_DENIED",
        "ERR_INVALID_URL",
        # of RFC 9209
        "connection_refused",
        "connection_timeout",
        "destination_ip_prohibited",
        "destination_ip_unroutable",
        "destination_not_found",
        "destination_unavailable",
        "dns_error",
        "dns_timeout",
        "http_request_denied",
        "proxy_loop_detected",
    }
)
"""Why there is no answer, where the request can't have reached the provider."""


class Own(NamedTuple):
    """What a proxy answered of its own, or may have; ``why`` is for a person."""

    why: str
    passed_on: bool
    """Whether the request may have reached the provider."""
    certain: bool = True


def own_answer(status: int, headers: Mapping[str, str]) -> Own | None:
    """Return what the head of an answer to a plain request tells of the proxy, None where it is the provider's.

    ``headers`` are lower case.
    """
    if status == NEEDS_LOGIN:
        return Own(str(status), passed_on=False)
    if status < 400:
        return None
    if squid := headers.get(SQUID):
        return Own(f"{status}, X-Squid-Error: {squid[:80]}", passed_on=squid.split()[0] not in PASSED_NOTHING_ON)
    # Each proxy on the way adds its own at the end: ours is the last.
    told = headers.get(STATUS, "").rpartition(",")[2].strip()
    if error := _ERROR.search(told):
        return Own(f"{status}, Proxy-Status: {told[:80]}", passed_on=error[1] not in PASSED_NOTHING_ON)
    if status in BROKEN_WAY and headers.get("content-type", "").lower().startswith("text/html"):
        return Own(f"{status} and a page", passed_on=True, certain=False)
    return None
