"""A way to the sandbox on which some requests never arrive: nobody listens, or the name is not known."""

from __future__ import annotations

import random

import httpx
from typing_extensions import override

_FAILURES = ("[Errno 111] Connection refused", "[Errno -2] Name or service not known")


class Unreachable(httpx.AsyncBaseTransport):
    """Passes requests on to ``inner``, but for a share of them, which fail before a byte has left."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, rate: float, seed: int = 0) -> None:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"rate is a share between 0 and 1, got {rate}")
        self._inner = inner
        self._rate = rate
        self._random = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self.failed = 0
        """How many never arrived."""

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Fail, or let the inner transport answer."""
        if self._random.random() < self._rate:
            self.failed += 1
            raise httpx.ConnectError(self._random.choice(_FAILURES), request=request)
        return await self._inner.handle_async_request(request)
