"""An authority of the tests' own, and paid providers over the wire at addresses that only a proxy can find."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Billing, Price, ProviderSettings, Settings
from shunpike.wire import EmbeddingBackend
from shunpike_testkit.scripted import ScriptedProvider

BUDGET = {"amount": {"pico": 10**12}, "period": "day"}
KEY = "sk-secret-0123456789"
BODY = {
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "here"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Vendor(ScriptedProvider):
    """A provider that is reached over the wire, with the settings of its section."""

    def __init__(self, name: str, base_url: str, *, paid: bool = True) -> None:
        price = Price.per_million("1", "2") if paid else None
        super().__init__(name, billing=Billing.CARD if paid else Billing.NONE, price=price)
        self.models = (self.model("m"),)
        self.base_url = base_url
        self.order = 0

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        if provider != self.name:
            return None
        ready = settings.model_copy(update={"base_url": settings.base_url or self.base_url})
        return EmbeddingBackend(self.shunpike_providers()[0], ready)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """What httpcore leaves to the garbage collector is collected here, and not in the midst of another test."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "own-ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def tls(ca: trustme.CA) -> Callable[..., ssl.SSLContext]:
    def make(*names: str, **options: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*(names or ("provider.test", "127.0.0.1", "::1")), **options).configure_cert(context)
        return context

    return make


@pytest.fixture
def client_of() -> Callable[..., Client]:
    def make(*vendors: Vendor, sections: dict[str, Any] | None = None, **settings: Any) -> Client:
        host = Host()
        host.register(builtin, "builtin")
        for place, vendor in enumerate(vendors):
            vendor.order = place
            host.register(vendor, vendor.name)
        own = sections or {}
        providers = {one.name: {"key": KEY, "base_url": one.base_url, **own.get(one.name, {})} for one in vendors}
        made = {"store": "memory:", "allow_paid": True, "budgets": [BUDGET], "providers": providers, **settings}
        return Client(Settings.model_validate(made), host=host, environ={})

    return make
