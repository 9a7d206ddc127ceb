"""HTTP to one origin with one key.

The URL and the headers are prepared once, and each request goes straight to a transport. Redirects are not followed:
the key stays with its origin. No proxy is taken from the environment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn, Self, cast

import anyio
from typing_extensions import override

from shunpike.clock import Clock, SystemClock
from shunpike.errors import ConfigError, Overloaded
from shunpike.types import Timeouts
from shunpike.wire.address import check_header
from shunpike.wire.lenient import encode
from shunpike.wire.patience import Patience
from shunpike.wire.sending import FAILURES, exchange, never_sent
from shunpike.wire.slim_httpx import httpx
from shunpike.wire.transport import fetches_late, open_transport, tls_context
from shunpike.wire.unpack import Unpacker
from shunpike.wire.unsent import KeptMark, before_sending, is_unsent, same_mark

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a whole answer."""
CLOSING = 2.0
"""Seconds that closing a connection may take when the caller is being cancelled."""
COMPRESSED = {"Accept-Encoding": "gzip"}  # whole answers only: what compresses a stream may hold its events back
MOST_LEFT = 256
"""Chunks that may still be buffered when an answer is given up."""


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
    used: before anything is held for a request that could not be sent.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        provider: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.provider = provider
        self.clock = clock or SystemClock()
        self._base = base_url.rstrip("/")
        self._origin = self._parsed(self._base)
        own = {"User-Agent": "shunpike", "Content-Type": "application/json", **headers}
        self._headers = [check_header(name, value) for name, value in own.items()]
        self._urls: dict[str, httpx.URL] = {}
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
        async with self.stream(path, body, timeouts, {**COMPRESSED, **(headers or {})}) as flow:
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
            request = self._request(path, body, timeouts, headers)
        return Flow(self, request, timeouts)

    def _request(
        self, path: str, body: Mapping[str, Any] | None, timeouts: Timeouts, headers: Mapping[str, str] | None
    ) -> httpx.Request:
        # Said in any case, since a transport of its own accord would take what nobody here unpacks.
        own = {"Accept-Encoding": "identity", **(headers or {})}
        return httpx.Request(
            "GET" if body is None else "POST",
            self._url(path),
            headers=[*self._headers, *(check_header(name, value) for name, value in own.items())],
            content=None if body is None else encode(body),
            # Only connecting is timed down there; all else is timed here, where data and keep-alives are told apart.
            extensions={"timeout": {"connect": timeouts.connect, "read": None, "write": None, "pool": None}},
        )

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Hand ``request`` to the transport, opening it if this is the first."""
        with before_sending:
            if self._closed:
                raise RuntimeError(f"{self!r} is closed")
            if self._transport is None:
                self._prepare()
                self._transport = open_transport(secure=self._secure)
                self._fetches_late = fetches_late(self._transport)
            transport = self._transport
        return await exchange(request, transport, fetched_late=self._fetches_late)

    def _prepare(self) -> None:
        """Read the certificates, once for all. Raises `ConfigError`, or `Overloaded` where no file can be opened."""
        try:
            if self._secure:
                tls_context()
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
        if isinstance(error, httpx.LocalProtocolError | httpx.StreamError):
            # Their texts can quote a header, so they are not shown.
            broken = Overloaded("the exchange broke the HTTP protocol", provider=self.provider, kind="connection")
            raise same_mark(error, broken) from None
        why = str(error) or type(error).__name__
        if never_sent(error):
            found = self.overloaded("connection", f"no connection to {address}: {why}")
            found.billed = False
            raise found from error
        late = isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout)
        kind = "timeout" if late else "connection"
        found = same_mark(error, self.overloaded(kind, f"the connection to {address} broke: {why}"))
        found.billed = False if is_unsent(found) else None
        raise found from error

    def overloaded(self, kind: str, message: str) -> Overloaded:
        """Return the failure of this provider; whether it is billed is not known."""
        return Overloaded(f"{self.provider}: {message}", provider=self.provider, kind=kind)

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._parsed(self._base + path)
            if not path.startswith("/") or url.netloc != self._origin.netloc or url.userinfo:
                raise ConfigError(f"the path {path!r} would leave {self._base}; expected one such as /chat/completions")
            if len(self._urls) < 256:
                self._urls[path] = url
        return url

    def _parsed(self, text: str) -> httpx.URL:
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ConfigError(f"{self.provider}: {text!r} is not an address: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(f"{self.provider}: {text!r} is not an http(s) address")
        return url


class Flow:
    """One exchange. Entered: ``status``, ``headers`` (lower case) and ``headers_at`` (epoch seconds) are there."""

    status: int
    headers: Mapping[str, str]
    headers_at: float

    def __init__(self, http: Http, request: httpx.Request, timeouts: Timeouts) -> None:
        self._http = http
        self._request = request
        self._timeouts = timeouts
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._unpacker: Unpacker | None = None
        self._ended = False

    @property
    def address(self) -> str:
        """What is asked, without query, which may hold what is nobody's business."""
        url = self._request.url
        return f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.partition(b'?')[0].decode('ascii')}"

    async def __aenter__(self) -> Self:
        self._patience = Patience(self._timeouts)
        response, mark = None, KeptMark()
        try:
            with anyio.CancelScope(deadline=self._patience.deadline), mark:
                response = await self._http.send(self._request)
        except FAILURES as error:
            self._http.fail(error, self.address)
        if response is None:
            raise mark.on(self._http.overloaded("timeout", f"{self._patience.lost()} (asked: {self.address})"))
        self._response = response
        self._chunks = aiter(cast("httpx.AsyncByteStream", response.stream))
        self.headers_at = self._http.clock.now()
        self.status = response.status_code
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._response is None:
            return
        with anyio.CancelScope(deadline=anyio.current_time() + CLOSING, shield=True), suppress(*FAILURES):
            await self._response.aclose()
            if self._chunks is not None and not self._ended:
                await self._read_out(self._chunks)

    def beat(self) -> None:
        """Note that data arrived, which a keep-alive is not: the next must come within ``idle`` seconds."""
        self._patience.beat()

    async def receive(self) -> bytes:
        """Return the next bytes, empty at the end. Raises `Overloaded` when they are late or the connection breaks."""
        while not self._ended and self._chunks is not None:
            if chunk := self._unpacked(await self._next(self._chunks)):
                return chunk
        return b""

    async def read(self, limit: int = MAX_BODY) -> bytes:
        """Return all that is left, at most ``limit`` bytes. Raises `Overloaded`: ``malformed`` when it is more."""
        self._patience.until_the_end()
        parts, size = [], 0
        while chunk := await self.receive():
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                raise self._http.overloaded("malformed", f"the answer is larger than {limit} bytes")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        chunk = None
        try:
            # A bare scope is half as dear as `anyio.fail_after`, and this runs for each chunk.
            with anyio.CancelScope(deadline=self._patience.deadline) as scope:
                chunk = await anext(chunks, None)
        except FAILURES as error:
            self._ended = True
            self._http.fail(error, self.address)
        self._ended = chunk is None
        if scope.cancelled_caught:
            raise self._http.overloaded("timeout", f"{self._patience.lost()} (asked: {self.address})")
        return chunk or b""

    def _unpacked(self, chunk: bytes) -> bytes:
        """Return ``chunk`` in the clear; the first one shows whether there is anything to unpack."""
        encoding = self.headers.get("content-encoding", "identity")
        if encoding == "identity" or not (chunk or self._unpacker):
            return chunk
        try:
            if self._unpacker is None:
                self._unpacker = Unpacker(encoding, MAX_BODY)
            if self._ended:
                self._unpacker.close()
            return self._unpacker.feed(chunk)
        except ValueError as error:
            raise self._http.overloaded("malformed", str(error)) from error

    async def _read_out(self, chunks: AsyncIterator[bytes]) -> None:
        """Read on after the close, which ends each of the transport's nested generators with an error.

        Left to the garbage collector they would be finalised at a random place.
        """
        self._ended = True
        for _ in range(MOST_LEFT):
            if await anext(chunks, None) is None:
                return
