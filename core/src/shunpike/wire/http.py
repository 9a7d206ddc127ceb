"""HTTP to one origin with one key.

The URL and the headers are prepared once, and each request goes straight to a transport. Redirects are not followed:
the key stays with its origin. Proxies and certificates are those of the settings, else of the variables: see
``network.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple, NoReturn

import anyio
from typing_extensions import override

from shunpike.clock import Clock, SystemClock
from shunpike.errors import ConfigError, Overloaded
from shunpike.not_sent import before_sending
from shunpike.types import Timeouts
from shunpike.wire.address import check_header
from shunpike.wire.broken_exchange import broken_exchange, refused_by_proxy, tells
from shunpike.wire.certificates import tls_context
from shunpike.wire.flow import CLOSING, Flow
from shunpike.wire.kept import repeated
from shunpike.wire.lenient import encode
from shunpike.wire.network import Network, Way
from shunpike.wire.proxy_answers import own_answer
from shunpike.wire.sending import Outgoing, exchange
from shunpike.wire.slim_httpx import httpx
from shunpike.wire.transport import fetches_late, open_transport
from shunpike.wire.tunnel import through_proxy

COMPRESSED = {"Accept-Encoding": "gzip"}  # whole answers only: what compresses a stream may hold its events back


class Reply(NamedTuple):
    """A complete answer: header names are lower case, ``headers_at`` is epoch seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    headers_at: float
    address: str = ""
    """What was asked, without query."""


class Http:
    """Sends to one origin. Made once per backend, shared by all calls, opened by the first one.

    Raises `ConfigError` for what can't be an address or a header, and where the certificates of this machine can't be
    used, nor the proxy: before anything is held for a request that could not be sent. ``network`` defaults to what the
    process's own variables say.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        provider: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        network: Network | None = None,
    ) -> None:
        self.provider = provider
        self.clock = clock or SystemClock()
        # What carries requests by itself, as in a simulation, goes by the clock.
        self.outside = self.clock.outside if transport is None else nullcontext
        self._base = base_url.rstrip("/")
        self._origin = self._parsed(self._base)
        # Who brings a transport of their own has chosen the way.
        self._way = Way() if transport is not None else (network or Network()).way_to(self._origin)
        own = {"User-Agent": "shunpike", "Content-Type": "application/json", **headers}
        self._headers = [check_header(name, value) for name, value in own.items()]
        if not any(name.lower() == "host" for name in own):
            self._headers.insert(0, (b"Host", self._origin.netloc))
        self._plain, self._compressed = self._head({}), self._head(COMPRESSED)
        self._urls: dict[str, tuple[httpx.URL, str]] = {}
        self._transport = transport
        self._fetches_late = transport is not None and fetches_late(transport)
        self._closed = False
        if transport is None:
            self._prepare()

    @override
    def __repr__(self) -> str:
        return f"Http({self._base!r})"

    async def post(
        self, path: str, body: Mapping[str, Any], timeouts: Timeouts, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send ``body`` as JSON and return the whole answer, whatever its status. Raises `Overloaded`, `UsageError`."""
        asked = {**COMPRESSED, **headers} if headers else COMPRESSED
        async with self.stream(path, body, timeouts, asked).whole() as flow:
            return Reply(flow.status, flow.headers, await flow.read(), flow.headers_at, flow.address)

    async def get(self, path: str, timeouts: Timeouts) -> Reply:
        """Return the whole answer, whatever its status. Raises `Overloaded`."""
        async with self.stream(path, None, timeouts, COMPRESSED) as flow:
            return Reply(flow.status, flow.headers, await flow.read(), flow.headers_at, flow.address)

    def stream(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        timeouts: Timeouts,
        headers: Mapping[str, str] | None = None,
    ) -> Flow:
        """Return a context; entering it sends the request and waits for the headers, leaving it closes the answer."""
        with before_sending:
            outgoing = self._outgoing(path, body, timeouts, headers)
        return Flow(self, outgoing, timeouts)

    def _outgoing(
        self, path: str, body: Mapping[str, Any] | None, timeouts: Timeouts, headers: Mapping[str, str] | None
    ) -> Outgoing:
        prepared = self._compressed if headers is COMPRESSED else None if headers else self._plain
        head = prepared or self._head(headers or {})
        return Outgoing(*self._url(path), head, None if body is None else encode(body), timeouts.connect)

    def _head(self, headers: Mapping[str, str]) -> httpx.Headers:
        # Said in any case, since a transport of its own accord would take what nobody here unpacks.
        own = {"Accept-Encoding": "identity", **headers}
        return httpx.Headers([*self._headers, *(check_header(name, value) for name, value in own.items())])

    async def send(self, outgoing: Outgoing) -> httpx.Response:
        """Hand ``outgoing`` to the transport, opening it if this is the first."""
        with before_sending:
            if self._closed:
                raise RuntimeError(f"{self!r} is closed")
            if self._transport is None:
                self._prepare()
                self._transport = open_transport(secure=self._secure, way=self._way)
                self._fetches_late = fetches_late(self._transport)
            transport = self._transport

        async def once(one: Outgoing) -> httpx.Response:
            return await exchange(one, transport, fetched_late=self._fetches_late)

        way = once if self._way.proxy is None else partial(through_proxy, send=once)
        try:
            return await repeated(outgoing, way)
        except Exception as error:
            # httpcore lets through what its package for SOCKS raises, which is before anything is sent on.
            if self._way.proxy is None or type(error).__module__.partition(".")[0] != "socksio":
                raise
            raise httpx.ProxyError(str(error)) from error

    def _prepare(self) -> None:
        """Read the certificates, once for all. Raises `ConfigError`, or `Overloaded` where no file can be opened."""
        try:
            if self._secure:
                tls_context(self._way.trusted)
        except OSError as error:
            raise self.overloaded("unsent", f"this machine can't open more files: {error.strerror}") from error

    @property
    def _secure(self) -> bool:
        return self._origin.scheme == "https"

    async def aclose(self) -> None:
        """Let go of the connections; calling it again does nothing."""
        self._closed = True
        if self._transport is not None:
            transport, self._transport = self._transport, None
            with anyio.move_on_after(CLOSING, shield=True):
                await transport.aclose()

    def fail(self, error: httpx.HTTPError | httpx.StreamError | OSError, address: str) -> NoReturn:
        """Raise what ``error`` at ``address`` means: an `Overloaded` that tells whether it can have been billed."""
        raise broken_exchange(error, address, self.provider, self._way.proxy) from (error if tells(error) else None)

    def turned_away(self, status: int, headers: Mapping[str, str], address: str) -> Overloaded | None:
        """Return the failure that an answer means where it is the proxy's own: inside a tunnel it never is."""
        proxy = self._way.proxy
        own = None if proxy is None or self._secure else own_answer(status, headers)
        return None if own is None or proxy is None else refused_by_proxy(own, status, address, self.provider, proxy)

    def asked(self, address: str) -> str:
        """Return who was asked, and by which way, for a person."""
        proxy = self._way.proxy
        return f"asked: {address}" + ("" if proxy is None else f" through the proxy {proxy}")

    def overloaded(self, kind: str, message: str) -> Overloaded:
        """Return the failure of this provider; whether it is billed is not known."""
        return Overloaded(f"{self.provider}: {message}", provider=self.provider, kind=kind)

    def _url(self, path: str) -> tuple[httpx.URL, str]:
        """Return the URL of ``path``, and as it is shown."""
        found = self._urls.get(path)
        if found is None:
            url = self._parsed(self._base + path)
            if not path.startswith("/") or url.netloc != self._origin.netloc or url.userinfo:
                raise ConfigError(f"the path {path!r} would leave {self._base}; expected one such as /chat/completions")
            shown = f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.partition(b'?')[0].decode('ascii')}"
            found = url, shown
            if len(self._urls) < 256:
                self._urls[path] = found
        return found

    def _parsed(self, text: str) -> httpx.URL:
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ConfigError(f"{self.provider}: {text!r} is not an address: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(f"{self.provider}: {text!r} is not an http(s) address")
        return url
