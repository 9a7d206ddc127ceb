"""Client keys for tests: made in the control store that the gateway follows."""

from __future__ import annotations

from typing import Any

from shunpike.control.client_keys import issued, kept_as
from shunpike.types.client_key import ClientBounds, ClientKey
from shunpike.types.control import Signature

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

ADMIN = "an-admin-key-of-the-tests"
HELLO = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"


async def keep(gateway: InProcessGateway, name: str, key: ClientKey | None) -> None:
    """Keep ``key`` under ``name`` as an operator does."""
    control = gateway.client.runtime.control
    assert control is not None
    await control.change([kept_as(name, key)], Signature(at=gateway.client.clock.now(), who="ann@north"))
    await gateway.client.runtime.heed()


async def make(gateway: InProcessGateway, name: str = "ann", **bounds: Any) -> tuple[str, ClientKey]:
    """Make a key, and return it with what is kept of it."""
    key, made = issued(ClientBounds(**bounds), gateway.client.clock.now())
    await keep(gateway, name, made)
    return key, made


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
