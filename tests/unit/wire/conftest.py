"""What the tests of the wire share: a provider without quirks, calls to it, a backend that talks to a script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from shunpike.clock import SystemClock
from shunpike.types import Billing, Call, ChatRequest, ProviderInfo, ProviderSettings, Tier, Timeouts
from shunpike.wire import ChatBackend, Dialect

KEY = "sk-test-0123456789abcdef"


class StoppedClock:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_795_000_000.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing on the wire sleeps")

    move_on_after = staticmethod(SystemClock().move_on_after)
    fail_after = staticmethod(SystemClock().fail_after)
    outside = staticmethod(SystemClock().outside)


def provider(base_url: str = "https://api.example.com/v1", **changes: Any) -> ProviderInfo:
    known: dict[str, Any] = {
        "id": "acme",
        "title": "Acme",
        "env_key": "ACME_API_KEY",
        "base_url": base_url,
        "default_tier": "free",
        "tiers": (Tier(name="free", billing=Billing.NONE),),
        "as_of": date(2026, 11, 22),
        "source": "https://example.com/docs",
    }
    return ProviderInfo(**{**known, **changes})


@pytest.fixture
def make_info() -> Callable[..., ProviderInfo]:
    return provider


@pytest.fixture
def make_call() -> Callable[..., Call]:
    def make(timeouts: Timeouts | None = None, *, strict: bool = False, **request: Any) -> Call:
        request.setdefault("messages", "Say ok.")
        return Call(
            request=ChatRequest(**request),
            model="m1",
            max_output=64,
            attempt_id="a1",
            timeouts=timeouts or Timeouts(),
            strict=strict,
        )

    return make


@pytest.fixture
def make_backend() -> Callable[..., ChatBackend]:
    def make(
        base_url: str = "https://api.example.com/v1",
        dialect: Dialect | None = None,
        kind: type[ChatBackend] = ChatBackend,
        **settings: Any,
    ) -> ChatBackend:
        settings.setdefault("key", KEY)
        return kind(provider(base_url), ProviderSettings(**settings), dialect, clock=StoppedClock())

    return make
