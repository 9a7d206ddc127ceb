"""What it means that an exchange broke: who was asked, by which way, what to do, and whether it can be billed."""

from __future__ import annotations

from shunpike.errors import Overloaded
from shunpike.not_sent import is_unsent, same_mark
from shunpike.wire.certificates import mend, rejection
from shunpike.wire.proxies import SETTING, Proxy
from shunpike.wire.proxy_answers import NEEDS_LOGIN, Own
from shunpike.wire.sending import never_sent
from shunpike.wire.slim_httpx import httpx


def tells(error: Exception) -> bool:
    """Whether the text of ``error`` may be shown: those of a broken protocol can quote a header."""
    return not isinstance(error, httpx.LocalProtocolError | httpx.StreamError)


def broken_exchange(error: Exception, address: str, provider: str, proxy: Proxy | None) -> Overloaded:
    """Return what ``error`` at ``address`` means, marked as unsent where ``error`` is."""
    if not tells(error):
        return same_mark(error, _overloaded(provider, "the exchange broke the HTTP protocol", "connection"))
    why = str(error) or type(error).__name__
    by = "" if proxy is None else f" through the proxy {proxy}"
    if never_sent(error):
        found = _unconnected(error, address, provider, proxy) or _overloaded(
            provider, f"no connection to {address}{by}: {why}", "connection"
        )
        if proxy is not None:
            found.hint = found.hint or way_round(proxy)
        found.billed = False
        return found
    late = isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout)
    kind = "timeout" if late else "connection"
    found = same_mark(error, _overloaded(provider, f"the connection to {address}{by} broke: {why}", kind))
    found.billed = False if is_unsent(found) else None
    return found


def refused_by_proxy(own: Own, status: int, address: str, provider: str, proxy: Proxy) -> Overloaded:
    """Return the failure that an answer of the proxy's own means, or one that may be its own."""
    message = _not_let_through(proxy, address, own.why)
    if own.certain and own.passed_on:
        message = f"the proxy {proxy} got no answer from {address}: {own.why}"
    elif not own.certain:
        message = f"{own.why} from the proxy {proxy}, or from what is behind it (asked: {address})"
    found = _overloaded(provider, message, "connection" if own.certain else "upstream")
    found.status = status
    found.hint = _login(proxy) if status == NEEDS_LOGIN else way_round(proxy)
    found.billed = None if own.passed_on else False
    return found


def way_round(proxy: Proxy) -> str:
    """Return how to change or leave out ``proxy``."""
    if proxy.source == SETTING:
        return 'correct the setting proxy   ·   or go directly: proxy = "none"'
    variable = proxy.source.rpartition(" ")[2]
    return f'correct {variable}   ·   or go directly: name the host in NO_PROXY, or proxy = "none" in its section'


def _unconnected(error: Exception, address: str, provider: str, proxy: Proxy | None) -> Overloaded | None:
    """Return why there is no connection, where the proxy or a certificate stands in the way."""
    certificate = rejection(error)
    if certificate is not None:
        host = httpx.URL(address).host
        whose = f"{host}, or of the proxy {proxy}," if proxy and proxy.url.scheme == "https" else host
        why = certificate.verify_message or "it can't be verified"
        found = _overloaded(
            provider, f"no connection to {address}: the certificate of {whose} is not accepted: {why}", "connection"
        )
        found.hint = mend(certificate)
        return found
    if proxy is not None and isinstance(error, httpx.ProxyError):
        found = _overloaded(provider, _not_let_through(proxy, address, str(error)), "connection")
        found.hint = _login(proxy) if str(error).startswith(str(NEEDS_LOGIN)) else None
        return found
    return None


def _not_let_through(proxy: Proxy, address: str, why: str) -> str:
    return f"the proxy {proxy} did not connect to {address}: {why}"


def _login(proxy: Proxy) -> str:
    where = "the setting" if proxy.source == SETTING else proxy.source.rpartition(" ")[2]
    return f"put user and password into {where}: {proxy.url.scheme}://user:password@host:port"


def _overloaded(provider: str, message: str, kind: str) -> Overloaded:
    return Overloaded(f"{provider}: {message}", provider=provider, kind=kind)
