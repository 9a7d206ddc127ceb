"""``NO_PROXY``: the hosts that are reached without a proxy, in the forms that programs agree on."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

DEFAULT_PORTS = {"http": 80, "https": 443}
_ENTRY = re.compile(r"^(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>\d+))?$")


def is_excluded(scheme: str, host: str, port: int | None, no_proxy: str) -> bool:
    """Whether ``no_proxy`` names this target.

    Its entries are divided by commas or blanks: ``*`` is everything; ``example.com``, ``.example.com`` and
    ``*.example.com`` are that name and all below it; an address is itself, ``10.0.0.0/8`` and ``fd00::/8`` are
    networks; a port (``host:8080``, ``[::1]:8080``) narrows an entry to it. What can't be read matches nothing.
    """
    name, at = host.rstrip(".").lower(), port or DEFAULT_PORTS.get(scheme)
    return any(_matches(entry.lower(), name, at) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def number_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that ``host`` is, None for a name. An IPv4 address in IPv6's clothes counts as itself."""
    try:
        found = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine itself, by its name or its number."""
    name, number = host.rstrip(".").lower(), number_of(host)
    if number is not None:
        return number.is_loopback or number.is_unspecified
    return name == "localhost" or name.endswith(".localhost")


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry = entry.partition("://")[2] or entry
    number = number_of(host)
    if "/" in entry:
        return number is not None and _in_network(entry, number)
    named = number_of(entry)
    if named is None and (parts := _ENTRY.match(entry)) is not None:
        if parts["port"] is not None and int(parts["port"]) != port:
            return False
        entry = parts["bracketed"] or parts["plain"]
        named = number_of(entry)
    if named is not None or number is not None:
        return named == number
    suffix = entry.removeprefix("*").strip(".")
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def _in_network(entry: str, number: IPv4Address | IPv6Address) -> bool:
    try:
        return number in ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
