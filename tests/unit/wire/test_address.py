from __future__ import annotations

import zlib

import pytest

from shunpike.errors import ConfigError
from shunpike.wire import check_base_url
from shunpike.wire.unpack import Unpacker


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "http://127.0.0.1:8080/v1",
        "http://localhost",
        "http://[::1]:80",
        "http://192.168.1.5:11434",
        "http://ollama:11434/v1",
        "http://box.local",
    ],
)
def test_https_and_private_networks_are_taken(url: str) -> None:
    assert check_base_url(url + "/") == url


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://api.example.com/v1", "unencrypted"),
        ("http://8.8.8.8", "unencrypted"),
        ("http://134744072/v1", "unencrypted"),  # 8.8.8.8 as one number
        ("http://0x08080808/v1", "unencrypted"),
        ("ftp://example.com", "http"),
        ("api.example.com", "http"),
        ("https:///v1", "http"),
        ("https://exa mple.com", "http"),
        ("https://example.com:port", "not an address"),
        ("https://example.com/v1?key=1", "query"),
        ("https://example.com/#x", "query"),
        ("https://me:secret@example.com", "user name"),
    ],
)
def test_anything_else_is_refused_and_named(url: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        check_base_url(url)
    assert "secret" not in str(caught.value)


def test_plain_http_can_be_permitted() -> None:
    assert check_base_url("http://api.example.com", allow_http=True) == "http://api.example.com"


def test_a_body_that_unpacks_without_end_is_refused() -> None:
    packed = zlib.compress(b"x" * 100_000)
    with pytest.raises(ValueError, match="more than"):
        Unpacker("gzip", 1000).feed(packed)
    unpacker = Unpacker("deflate", 100_000)
    assert len(unpacker.feed(packed)) == 100_000
    unpacker.close()


def test_a_body_that_is_cut_or_packed_otherwise_is_refused() -> None:
    unpacker = Unpacker("gzip", 1000)
    unpacker.feed(zlib.compress(b"abc")[:-2])
    with pytest.raises(ValueError, match="cut short"):
        unpacker.close()
    with pytest.raises(ValueError, match="'br'"):
        Unpacker("br", 1000)
