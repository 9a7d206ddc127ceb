"""Where requests may go: an address is checked once, and a key never leaves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from shunpike.errors import ConfigError
from shunpike.types.headers import header_problem

LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


SHARED = ip_network("100.64.0.0/10")
"""Addresses that a carrier or an overlay such as Tailscale shares out: private, but not to one household."""
SHARED_SUFFIXES = (".ts.net",)
SECRETS = ("auth", "cookie", "key", "secret", "token")
"""Parts of the names of headers that hold a secret."""


def check_base_url(url: str, *, allow_http: bool = False, keyed: bool = True) -> str:
    """Return ``url`` without its trailing slash.

    Plain http is for this machine and private networks: elsewhere the key would travel in the open, so that it takes
    ``allow_http``. In a private network that is shared with others it will do where nothing is ``keyed``. Raises
    `ConfigError` for what is no plain http(s) address.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"base_url {url!r} is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not host or any(character.isspace() for character in url):
        raise ConfigError(f"base_url {url!r} is not an http(s) address; expected one such as https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"base_url for {host} holds a user name or password; a key belongs into its own variable")
    if parts.query or parts.fragment:
        raise ConfigError(f"base_url {url!r} must not hold a query or fragment; expected one such as https://host/v1")
    if parts.scheme == "http" and not allow_http and is_shared(host):
        if keyed:
            raise ConfigError(
                f"base_url {url!r} would send the key unencrypted: others can be in that private network, too "
                "(100.64.0.0/10, ts.net)",
                hint="leave the key out, if the server needs none   ·   or use https (tailscale serve)   ·   or, where "
                "the network itself encrypts: options.allow_http = true",
            )
    elif parts.scheme == "http" and not allow_http and not is_private(host):
        raise ConfigError(
            f"base_url {url!r} would send the key unencrypted; expected https",
            hint="options.allow_http = true permits plain http",
        )
    return url.rstrip("/")


def is_keyed(key: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a secret travels with each request."""
    return bool(key) or any(part in name.lower() for name in headers for part in SECRETS)


def is_shared(host: str) -> bool:
    """Whether ``host`` is in a private network that is shared with others, as far as its name or number tells."""
    name = host.rstrip(".").lower()
    try:
        return ip_address(name) in SHARED
    except ValueError:
        return name.endswith(SHARED_SUFFIXES)


def _is_word(name: str) -> bool:
    """Whether ``name`` is of one word, such as ``nas``; a bare number is any address: 134744072 is 8.8.8.8."""
    return "." not in name and re.fullmatch(r"\d+|0x[0-9a-f]*", name) is None


def is_private(host: str) -> bool:
    """Whether ``host`` names this machine or a private network, as far as its name or number tells."""
    name = host.rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return name == "localhost" or _is_word(name) or name.endswith(LOCAL_SUFFIXES)
    return address.is_private or address.is_loopback or address.is_link_local


def check_header(name: str, value: str) -> tuple[bytes, bytes]:
    """Return the header as bytes. Raises `ConfigError`, which never shows the value: it may be a key."""
    problem = header_problem(name, value)
    if problem is not None:
        raise ConfigError(problem, hint="check the key and the headers for a stray character")
    return name.encode("ascii"), value.encode("ascii")
