"""Whom a server is known by: the usual variables, a setting, and what is said when a certificate is not accepted."""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from shunpike.client import Client
from shunpike.errors import ConfigError, Overloaded
from shunpike.types import Timeouts
from shunpike.wire import Http, Network
from shunpike.wire.certificates import TrustedAuthorities, tls_context
from shunpike_testkit.upstream import Upstream, reply

from .conftest import BODY, Vendor
from .relay import Relay
from .test_proxies import refused

Make = Callable[..., Client]
Tls = Callable[..., ssl.SSLContext]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""httpcore 1.0.9 leaves a connection that is given up in its TLS handshake to the garbage collector."""


def folder(ca: trustme.CA, path: Path) -> str:
    """Return a folder as ``openssl rehash`` leaves it: the TLS library finds a file by the hash of its subject."""
    path.mkdir()
    file = path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(file)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    file.rename(path / f"{name}.0")
    return str(path)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "ca_file", "section"])
async def test_an_authority_of_ones_own_is_trusted_by_a_variable_or_a_setting(
    client_of: Make, tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    options: dict[str, object] = {}
    if variable == "ca_file":
        options["ca_file"] = ca_file
    elif variable == "section":
        options["sections"] = {"acme": {"ca_file": ca_file}}
    else:
        monkeypatch.setenv(variable, ca_file)
    async with Upstream(tls=tls()).on("/v1/chat/completions", reply(BODY)) as upstream:
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1"), **options) as client:
            assert (await client.complete("hi")).text == "here"
            (row,) = await client.status()
    assert row.trusted
    assert ca_file in row.trusted


async def test_the_variable_of_the_tls_library_wins_over_those_of_other_programs(
    client_of: Make, tls: Tls, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", "/no/such/file")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    async with Upstream(tls=tls()).on("/v1/chat/completions", reply(BODY)) as upstream:
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1")) as client:
            assert (await client.complete("hi")).text == "here"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the hash is made by openssl")
@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
async def test_a_folder_of_certificates_is_searched(
    client_of: Make, ca: trustme.CA, tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, folder(ca, tmp_path / "certificates"))
    async with Upstream(tls=tls()).on("/v1/chat/completions", reply(BODY)) as upstream:
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1")) as client:
            assert (await client.complete("hi")).text == "here"


@pytest.mark.parametrize("source", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "the setting ca_file"])
@pytest.mark.parametrize("wrong", ["missing", "junk"])
async def test_a_file_that_can_not_be_used_is_named_with_its_source_before_anything_is_sent(
    client_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, wrong: str
) -> None:
    path = tmp_path / "ca.pem"
    if wrong == "junk":
        path.write_text("no certificate")
    options = {}
    if source.startswith("the"):
        options["ca_file"] = str(path)
    else:
        monkeypatch.setenv(source, str(path))
    async with client_of(Vendor("acme", "https://127.0.0.1:9/v1"), **options) as client:
        error = await refused(client)
    assert isinstance(error, ConfigError)
    assert source in error.message
    assert repr(str(path)) in error.message
    assert ("No such file" if wrong == "missing" else "holds no certificate") in error.message


EXPIRED = {"not_after": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}


@pytest.mark.parametrize(
    ("case", "says", "hint"),
    [
        ("unknown", "unable to get local issuer|self-signed|self signed", "ca_file"),
        ("host", "IP address mismatch|not valid for", "base_url"),
        ("expired", "expired", "renew"),
    ],
)
async def test_a_certificate_that_is_not_accepted_says_so_with_host_and_what_to_do(
    tls: Tls, ca_file: str, case: str, says: str, hint: str
) -> None:
    served = {"unknown": tls, "host": lambda: tls("other.test"), "expired": lambda: tls(**EXPIRED)}[case]()
    async with Upstream(tls=served) as upstream:
        network = Network(ca_file=None if case == "unknown" else ca_file)
        http = Http(upstream.base_url, {}, provider="acme", network=network)
        with pytest.raises(Overloaded, match=rf"the certificate of 127\.0\.0\.1 is not accepted: .*({says})") as caught:
            await http.post("/x", {}, Timeouts())
        await http.aclose()
        assert not upstream.requests
    assert caught.value.billed is False
    assert caught.value.hint
    assert hint in caught.value.hint
    assert "verify" not in caught.value.hint


async def test_a_certificate_is_told_of_behind_a_proxy_too(client_of: Make, tls: Tls) -> None:
    async with Upstream(tls=tls()) as upstream, Relay(upstream.port) as relay:
        sections = {"acme": {"proxy": relay.address}}
        vendor = Vendor("acme", "https://provider.test/v1")
        async with client_of(vendor, sections=sections, timeout=5, wait=False) as client:
            error = await refused(client)
    told = error.message + repr(getattr(error, "decision", ""))
    assert "the certificate of provider.test is not accepted" in told


async def test_an_own_authority_comes_beside_the_usual_ones(ca_file: str) -> None:
    usual = len(tls_context(TrustedAuthorities()).get_ca_certs())
    assert len(tls_context(TrustedAuthorities(ca_file=ca_file)).get_ca_certs()) == usual + 1
