"""Which proxy a request goes through: what the settings say, else the variables that all programs share."""

from __future__ import annotations

import importlib.util
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from typing_extensions import override

from shunpike.errors import ConfigError
from shunpike.installation import extra_hint
from shunpike.masking import remember
from shunpike.types.settings import DIRECT, PROXY_SCHEMES
from shunpike.wire.no_proxy import is_excluded, is_loopback
from shunpike.wire.slim_httpx import httpx

SETTING = "the setting proxy"
EXAMPLE = "http://proxy.example:3128"


class Proxy(NamedTuple):
    """A proxy in force. Only ``address`` and ``source`` may be shown: ``url`` may hold a password."""

    url: httpx.URL
    source: str
    """Where it was named: ``the variable HTTPS_PROXY``, or `SETTING`."""

    @property
    def address(self) -> str:
        """Its address as it may be shown, without user and password."""
        return f"{self.url.scheme}://{self.url.netloc.decode('ascii')}"

    @override
    def __repr__(self) -> str:
        return f"Proxy({self.address!r}, {self.source!r})"

    @override
    def __str__(self) -> str:
        return f"{self.address} ({self.source})"


def proxy_for(target: httpx.URL, chosen: str | None, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for ``target``, None where it is reached directly, as this machine itself always is.

    ``chosen`` is what the settings say; None = what ``https_proxy`` (or ``http_proxy``, by the target's scheme), then
    ``all_proxy`` name, in small or capital letters, unless ``no_proxy`` names the target. Raises `ConfigError` for what
    is no address of a proxy: it names the variable, and shows nothing of a password.
    """
    if is_loopback(target.host):
        return None
    if chosen is not None:
        return None if chosen.strip().lower() in DIRECT else _read(chosen, SETTING)
    found = _named(target.scheme, environ)
    if found is None:
        return None
    _, no_proxy = _variable("no_proxy", environ)
    if any(is_excluded(target.scheme, host, target.port, no_proxy) for host in _names(target)):
        return None
    variable, value = found
    return _read(value, f"the variable {variable}")


def _names(target: httpx.URL) -> tuple[str, str]:
    """Return the host as it is written, and as it is sent."""
    return target.host, target.raw_host.decode("ascii")


def _named(scheme: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the variable that is in force for targets of ``scheme``, with its value."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        if name == "http_proxy" and environ.get("REQUEST_METHOD") and not environ.get(name):
            continue  # In a CGI program HTTP_PROXY is what the client sent as a header "Proxy".
        variable, value = _variable(name, environ)
        if value:
            return variable, value
    return None


def _variable(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return a variable and its value, empty where it is not set; of both spellings the one in small letters counts."""
    variable = name if name in environ else name.upper()
    return variable, environ.get(variable, "").strip()


def _read(text: str, source: str) -> Proxy:
    """Return the proxy at ``text``; without a scheme it speaks http. Raises `ConfigError`."""
    text = text.strip()
    try:
        url = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL:
        raise _wrong(source, "is not the address of a proxy") from None
    for part in (url.password, url.userinfo.decode("ascii").partition(":")[2]):
        remember(unquote(part))
    if url.password:
        # As it travels: what lies between may quote the header that it got.
        remember(b64encode(f"{url.username}:{url.password}".encode()).decode())
    if url.scheme not in PROXY_SCHEMES:
        raise _wrong(source, f"names a proxy that speaks {url.scheme}; known are {', '.join(PROXY_SCHEMES)}")
    if not url.host or url.path.strip("/") or url.query or url.fragment or not 0 < (url.port or 1) < 65536:
        raise _wrong(source, "is not the address of a proxy")
    if url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ConfigError(
            f"{source} names a {url.scheme} proxy, which needs a package that is not installed",
            hint=extra_hint("socks"),
        )
    return Proxy(url, source)


def _wrong(source: str, why: str) -> ConfigError:
    """Return the error for a bad value, which it does not repeat: a password may be anywhere in it."""
    return ConfigError(f"{source} {why}; expected one such as {EXAMPLE}", hint="correct it, or unset it to go directly")
