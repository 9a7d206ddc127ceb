"""``NO_PROXY`` and the rules by which a variable is chosen, without a network."""

from __future__ import annotations

import httpx
import pytest

from shunpike.wire.proxies import proxy_for

PROXY = "http://proxy.example:3128"


def proxied(url: str, no_proxy: str) -> bool:
    return proxy_for(httpx.URL(url), None, {"ALL_PROXY": PROXY, "NO_PROXY": no_proxy}) is not None


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("https://api.example.com", "*"),
        ("https://api.example.com", "example.com"),
        ("https://api.example.com", ".example.com"),
        ("https://api.example.com", "*.example.com"),
        ("https://example.com", ".example.com"),
        ("https://API.Example.com.", "other, EXAMPLE.COM"),
        ("https://api.example.com", "other  example.com"),
        ("https://api.example.com", "example.com:443"),
        ("http://api.example.com:8080", "example.com:8080"),
        ("https://10.1.2.3", "10.0.0.0/8"),
        ("https://10.1.2.3", "10.1.2.3"),
        ("https://[fd00::5]", "fd00::/8"),
        ("https://[fd00::5]:8443", "[fd00::5]:8443"),
        ("https://[fd00::5]", "[fd00::5]"),
        ("https://[fd00::5]", "FD00:0::5"),
        ("https://[::ffff:10.1.2.3]", "10.0.0.0/8"),
        ("https://bücher.example", "bücher.example"),
        ("https://bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_what_no_proxy_names_is_reached_directly(url: str, no_proxy: str) -> None:
    assert not proxied(url, no_proxy)


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("https://api.example.com", ""),
        ("https://badexample.com", "example.com"),
        ("https://api.example.com", "api.example.com.evil"),
        ("https://api.example.com", "example.com:8443"),
        ("https://api.example.com", ", ,"),
        ("https://api.example.com", "."),
        ("https://11.1.2.3", "10.0.0.0/8"),
        ("https://10.1.2.3", "fd00::/8"),
        ("https://10.1.2.3", "2.3"),
        ("https://10.1.2.3", "10.0.0.0/99"),
        ("https://api.example.com", "10.0.0.0/8"),
        ("https://api.example.com", "[::1"),
    ],
)
def test_what_no_proxy_does_not_name_goes_through_the_proxy(url: str, no_proxy: str) -> None:
    assert proxied(url, no_proxy)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434",
        "http://LOCALHOST.:1",
        "http://app.localhost",
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0:8000",
    ],
)
@pytest.mark.parametrize("chosen", [None, PROXY])
def test_loopback_is_always_direct(url: str, chosen: str | None) -> None:
    assert proxy_for(httpx.URL(url), chosen, {"ALL_PROXY": PROXY, "HTTP_PROXY": PROXY}) is None


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": "a:1"}, "HTTP_PROXY", None),
        ({"HTTPS_PROXY": "a:1"}, None, "HTTPS_PROXY"),
        ({"ALL_PROXY": "a:1"}, "ALL_PROXY", "ALL_PROXY"),
        ({"ALL_PROXY": "a:1", "https_proxy": "b:1"}, "ALL_PROXY", "https_proxy"),
        ({"HTTPS_PROXY": "a:1", "https_proxy": "b:1"}, None, "https_proxy"),
        ({"HTTPS_PROXY": "a:1", "https_proxy": ""}, None, None),
        ({"HTTPS_PROXY": "  "}, None, None),
        ({"HTTP_PROXY": "a:1", "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": "a:1", "REQUEST_METHOD": "GET"}, "http_proxy", None),
        ({"HTTPS_PROXY": "a:1", "REQUEST_METHOD": "GET"}, None, "HTTPS_PROXY"),
    ],
)
def test_the_variable_is_chosen_by_the_scheme_of_the_target(
    environ: dict[str, str], http: str | None, https: str | None
) -> None:
    for scheme, variable in (("http", http), ("https", https)):
        found = proxy_for(httpx.URL(f"{scheme}://api.example.com"), None, environ)
        assert (found and found.source) == (variable and f"the variable {variable}")


@pytest.mark.parametrize("word", ["", "none", "NONE", "direct"])
def test_a_section_can_go_directly_whatever_the_variables_say(word: str) -> None:
    assert proxy_for(httpx.URL("https://api.example.com"), word, {"ALL_PROXY": PROXY}) is None


def test_a_proxy_shows_no_password_in_any_form() -> None:
    found = proxy_for(httpx.URL("https://x.example"), "http://u:p%40ss-word-1@proxy.example:3128", {})
    assert found is not None
    assert found.address == PROXY
    for text in (str(found), repr(found), f"{found}"):
        assert "ss-word" not in text
        assert PROXY in text
