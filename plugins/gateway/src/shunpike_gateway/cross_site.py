"""Tells web pages of strangers from programs: a browser sends what such a page asks to this machine, too."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

_WEB = ("http", "https")


def is_local(host: str) -> bool:
    """Whether ``host``, a name or an address, means this machine and can be reached from no other."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_strange(headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Whether a web page asks that is neither of this machine nor among ``origins``; programs name no origin.

    What only an application has, such as ``vscode-webview:``, is a program. ``null`` is any page in a frame.
    """
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "cross-site"
    if "*" in origins or origin in origins:
        return False
    if origin == "null":
        return True
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return True
    return parts.scheme in _WEB and not is_local(host)
