"""Shared by all tests: both event loops, nothing of the developer's own settings, no network but loopback."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.config.warned import forget
from shunpike.plugins import Host

from .postgres import Server

REAL_CONNECT = socket.socket.connect
OURS = ("SHUNPIKE_RECORDINGS", "SHUNPIKE_SPECS", "SHUNPIKE_TESTS_POSTGRES")
"""What tells the tests where something is."""
NETWORK = (
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
    "requests_ca_bundle",
    "curl_ca_bundle",
)
"""Variables that name proxies and certificates, in small or capital letters."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script: what the tests start would inherit that, and Ctrl-C would do nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every asynchronous test runs on both event loops."""
    return str(request.param)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of this worker's own."""
    server = Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres: Server) -> str:
    """The address of an empty database."""
    return postgres.database()


@pytest.fixture(scope="module")
def emulated() -> Iterator[dict[str, str]]:
    """Variables that lead every provider to the emulated one: no page may reach the network."""
    world = Host.load().world()
    assert world is not None
    endpoints = anyio.run(world.start)
    yield {f"SHUNPIKE_PROVIDERS__{name.upper()}__BASE_URL": one.base_url for name, one in endpoints.items()}
    anyio.run(world.aclose)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no file and no ledger of the machine reaches a test."""
    for name in os.environ:
        if name.endswith("_API_KEY") or (name.startswith("SHUNPIKE_") and name not in OURS):
            monkeypatch.delenv(name)
        if name.lower() in NETWORK:
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "xdg_runtime_dir").mkdir(mode=0o700)
    forget()  # What was warned of in another test.


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere but this machine fails the test that makes it."""

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(("127.", "::1", "localhost")):
            raise AssertionError(f"a test tried to reach {address!r}; tests use loopback only")
        REAL_CONNECT(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
