"""By which names the gateway may be called: a page whose name was made to lead here must not reach it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from shunpike_gateway.exchange import ApiError, ApiFailure

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})?)(?::[0-9]{1,5})?", re.ASCII)
_HERE = ("localhost", "127.0.0.1", "::1")
ANY = "*"


def named_in(host: str) -> str | None:
    """Return the name or address in the header ``Host``, in small letters; None where it is none."""
    found = _HOST.fullmatch(host)
    return None if found is None else found[1].strip("[]").lower().rstrip(".")


class HostCheck:
    """Holds requests to the names of the address that is listened on, and those of the settings.

    Args:
        listens: The address that is listened on. At one that stands for all (``0.0.0.0``) any address of digits will
            do: only a name can be made to lead elsewhere.
        names: More names; ``*`` = any.

    """

    def __init__(self, listens: str, names: Iterable[str]) -> None:
        more = {name.lower().strip("[]") for name in names}
        self._any = ANY in more
        self._names = {*_HERE, listens.lower(), *more}
        self._digits = not self._any and _is_everywhere(listens)

    def check(self, host: str | None) -> None:
        """Raise `ApiFailure` unless ``host``, the header of a request, is a name of ours."""
        name = None if host is None else named_in(host)
        if name is None:
            said = "no Host" if host is None else "a Host that names none"
            raise ApiFailure(ApiError(400, "invalid_request_error", "invalid_host", f"the request has {said}"))
        if name not in self._names and not self._any and not (self._digits and _number(name) is not None):
            message = f"this server is not called {name[:100]!a}"
            hint = f'if it is: hosts = ["{name[:100]}"] in the table [gateway] of the settings'
            raise ApiFailure(ApiError(421, "invalid_request_error", "unknown_host", message, hint=hint))


def is_local(host: str) -> bool:
    """Whether ``host``, a name or an address, means this machine and can be reached from no other."""
    if host.lower().rstrip(".") == "localhost":
        return True
    number = _number(host.strip("[]"))
    return number is not None and number.is_loopback


def _is_everywhere(host: str) -> bool:
    number = _number(host)
    return number is not None and number.is_unspecified


def _number(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
