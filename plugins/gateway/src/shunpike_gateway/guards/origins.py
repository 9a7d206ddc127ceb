"""Which web pages may ask: those of the settings, the gateway's own, and those of this machine.

A browser sends some requests of a page to any server without asking it first. So a request that comes from a page
which is not allowed is rejected, not only answered without the headers that would let the page read the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from shunpike_gateway.exchange import ApiError, ApiFailure, Head
from shunpike_gateway.guards.hosts import is_local
from shunpike_gateway.replies import HttpReply

ANY = "*"
_WEB = ("http", "https")
_SHOWN = (
    "x-request-id, request-id, retry-after, x-should-retry, x-shunpike-provider, x-shunpike-model, "
    "x-shunpike-request-id, x-shunpike-attempts, x-shunpike-cost, x-shunpike-warning"
)
"""Headers of an answer that a page may read."""


def is_from_another_site(headers: Mapping[str, str]) -> bool:
    """Whether a web page of another site than this machine's asks; programs name no origin.

    What only an application has, such as ``vscode-webview:``, is a program. ``null`` is any page in a frame.
    """
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "cross-site"
    if origin == "null":
        return True
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return True
    return parts.scheme in _WEB and not is_local(host)


class OriginCheck:
    """Holds pages to ``origins``, each a scheme with host and port; ``*`` = any."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(one.lower().rstrip("/") for one in origins)

    def shown_to(self, head: Head) -> Mapping[str, str]:
        """Return the headers that let a page read the answer, none for who is no page.

        Raises `ApiFailure` where the page may not ask.
        """
        origin = head.headers.get("origin")
        if origin is not None and self._allows(origin):
            return {"access-control-allow-origin": origin, "access-control-expose-headers": _SHOWN, "vary": "Origin"}
        own = {f"{scheme}://{head.headers.get('host', '').lower()}" for scheme in ("http", "https")}
        if is_from_another_site(head.headers) and (origin is None or origin.lower() not in own):
            raise _not_allowed("another site" if origin is None else f"{origin[:100]!a}")
        return {}

    def preflight(self, head: Head) -> HttpReply | None:
        """Return the answer to a browser that asks whether a page may ask; None for any other request.

        Raises `ApiFailure` where the page may not.
        """
        asked = head.headers.get("access-control-request-method")
        if head.method != "OPTIONS" or asked is None or "origin" not in head.headers:
            return None
        shown = self.shown_to(head)
        if not shown:
            raise _not_allowed(f"{head.headers['origin'][:100]!a}")
        told = {**shown, "access-control-allow-methods": asked, "access-control-max-age": "600"}
        names = head.headers.get("access-control-request-headers")
        if names:
            told["access-control-allow-headers"] = names
        if head.headers.get("access-control-request-private-network") == "true":
            told["access-control-allow-private-network"] = "true"
        return HttpReply(204, headers=told)

    def _allows(self, origin: str) -> bool:
        return ANY in self._origins or origin.lower() in self._origins


def _not_allowed(what: str) -> ApiFailure:
    message = f"a web page of {what} may not ask here"
    hint = 'to let it: origins = ["https://…"] in the table [gateway] of the settings'
    return ApiFailure(ApiError(403, "permission_error", "origin_not_allowed", message, hint=hint))
