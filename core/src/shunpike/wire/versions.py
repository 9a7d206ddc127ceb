"""Finds the ``/v1`` that an address in the configuration forgot: most servers have their API below it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from typing_extensions import override

from shunpike.not_sent import before_sending
from shunpike.types import Timeouts
from shunpike.wire.error_body import read_error
from shunpike.wire.flow import MAX_BODY, Flow
from shunpike.wire.http import Http
from shunpike.wire.sending import Outgoing

VERSION = "/v1"
MOST = 64 * 1024
"""Bytes of a refusal that are looked at."""
SHORT = 512
"""Bytes; an answer is longer than LM Studio's 200 for an address that it does not have."""
_VERSIONED = re.compile(r"/v[0-9]+(/|$)")
_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)
_NO_SUCH_PLACE = re.compile(r"^Unexpected endpoint", re.IGNORECASE)


class VersionSeekingHttp(Http):
    """An `Http` that asks again below ``/v1`` where the address as it stands leads nowhere, and remembers it."""

    _prefix = ""

    @property
    def seeks(self) -> bool:
        """Whether the address names no version and none was found yet."""
        return not self._prefix and not _VERSIONED.search(urlsplit(self._base).path)

    def found(self) -> None:
        """Ask below ``/v1`` from now on."""
        self._prefix = VERSION

    @override
    def stream(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        timeouts: Timeouts,
        headers: Mapping[str, str] | None = None,
    ) -> Flow:
        if not self.seeks:
            return super().stream(self._prefix + path, body, timeouts, headers)

        def again() -> Outgoing:
            return self._outgoing(VERSION + path, body, timeouts, headers)

        with before_sending:
            outgoing = self._outgoing(path, body, timeouts, headers)
        return _SeekingFlow(self, outgoing, timeouts, again)


class _SeekingFlow(Flow):
    """Asks a second time, below ``/v1``, when the first answer says that there is nothing at that address."""

    def __init__(
        self, http: VersionSeekingHttp, outgoing: Outgoing, timeouts: Timeouts, again: Callable[[], Outgoing]
    ) -> None:
        super().__init__(http, outgoing, timeouts)
        self._seeking = http
        self._again = again
        self._kept: bytes | None = None
        self._tried: str | None = None

    @property
    @override
    def address(self) -> str:
        first = super().address
        return first if self._tried is None else f"{first}, then {self._tried}"

    @override
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if not await self._nowhere():
            return self
        first = self._outgoing, self.status, self.headers, self.headers_at, self._kept
        await super().__aexit__()
        self._renew(self._again())
        await super().__aenter__()
        if not await self._nowhere():
            self._seeking.found()
            return self
        self._tried = super().address
        self._outgoing, self.status, self.headers, self.headers_at, self._kept = first
        return self

    @override
    async def receive(self) -> bytes:
        if self._kept is None:
            return await super().receive()
        data, self._kept = self._kept, b""
        return data

    @override
    async def read(self, limit: int = MAX_BODY) -> bytes:
        return await super().read(limit) if self._kept is None else await self.receive()

    def _renew(self, outgoing: Outgoing) -> None:
        self._outgoing, self._response, self._chunks, self._unpacker = outgoing, None, None, None
        self._ended, self._kept = False, None

    async def _nowhere(self) -> bool:
        """Whether there is nothing at the address, which is not the same as no such model."""
        short = self.headers.get("content-length", "").isdigit() and int(self.headers["content-length"]) < SHORT
        if self.status not in (404, 405) and not (self.status == 200 and short):
            return False
        try:
            self._kept = await self.read(MOST)
        except BaseException:  # cancellation too must close the connection
            await super().__aexit__()
            raise
        said = read_error(self._kept)
        if self.status == 200:
            return _NO_SUCH_PLACE.match(said.message) is not None
        return not (said.param == "model" or _MODEL.search(" ".join((said.message, *said.codes)).replace("_", " ")))
