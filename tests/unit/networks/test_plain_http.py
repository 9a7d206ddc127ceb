"""Plain http in private networks: freely where nobody else is, without a key where others may be."""

from __future__ import annotations

import pytest

from shunpike.errors import ConfigError
from shunpike.types import ProviderInfo, ProviderSettings
from shunpike.wire.address import check_base_url
from shunpike.wire.custom_endpoint import own_backend

from .conftest import KEY, Vendor

SHARED = ["http://100.64.0.1:11434/v1", "http://100.127.255.254/v1", "http://box.tail1234.ts.net/v1"]
PRIVATE = [
    "http://10.1.2.3/v1",
    "http://172.16.0.1/v1",
    "http://192.168.1.9:8000/v1",
    "http://169.254.1.1/v1",
    "http://[fd00::1]/v1",
    "http://[fe80::1]/v1",
    "http://box.local/v1",
    "http://models.internal/v1",
    "http://host.docker.internal:11434/v1",
    "http://ollama:11434/v1",
]
PUBLIC = ["http://100.63.255.255/v1", "http://100.128.0.1/v1", "http://ts.net.example.com/v1", "http://notts.net/v1"]


@pytest.fixture
def info() -> ProviderInfo:
    return Vendor("acme", "https://api.example.com/v1").shunpike_providers()[0]


@pytest.mark.parametrize("url", SHARED)
def test_a_shared_private_network_takes_plain_http_where_no_key_travels(info: ProviderInfo, url: str) -> None:
    assert url.removesuffix("/v1") in repr(own_backend(info, ProviderSettings(base_url=url, price="free")))


@pytest.mark.parametrize("url", SHARED)
@pytest.mark.parametrize("secret", [{"key": KEY}, {"headers": {"Authorization": f"Bearer {KEY}"}}])
def test_with_a_key_the_refusal_says_why_and_what_to_do(info: ProviderInfo, url: str, secret: dict[str, str]) -> None:
    settings = ProviderSettings.model_validate({"base_url": url, "price": "free", **secret})
    with pytest.raises(ConfigError, match="would send the key unencrypted: others can be in that private") as caught:
        own_backend(info, settings)
    assert caught.value.hint
    for way in ("leave the key out", "https", "allow_http = true"):
        assert way in caught.value.hint
    assert KEY not in f"{caught.value}{caught.value.hint}"
    assert own_backend(info, settings.model_copy(update={"options": {"allow_http": True}}))


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_network_takes_plain_http_with_a_key(url: str) -> None:
    assert check_base_url(url) == url


@pytest.mark.parametrize("url", PUBLIC)
@pytest.mark.parametrize("keyed", [False, True])
def test_what_only_looks_like_it_is_refused(url: str, *, keyed: bool) -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        check_base_url(url, keyed=keyed)
