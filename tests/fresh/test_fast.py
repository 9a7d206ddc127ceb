"""``shunpike[fast]``: what is tried of connections over httpx holds over aiohttp too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
USED = """
import anyio
from shunpike.wire.transport import open_transport

async def show():
    transport = open_transport(secure=True)
    print(type(transport).__module__)
    await transport.aclose()

anyio.run(show, backend={backend!r})
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fast(beside: Callable[..., Path]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs Python in the environment of the tests, with aiohttp beside what is installed there."""
    folder = beside("shunpike[fast]")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": str(folder)}
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.mark.parametrize(("backend", "used"), [("asyncio", "httpx_aiohttp.transport"), ("trio", "httpx")])
def test_aiohttp_carries_the_requests_on_asyncio_and_httpx_on_trio(
    fast: Callable[..., subprocess.CompletedProcess[str]], backend: str, used: str
) -> None:
    done = fast("-c", USED.format(backend=backend))
    assert done.stdout.startswith(used), done.stderr


@pytest.mark.parametrize(
    "tests",
    [
        "unit/routing/test_connecting.py",
        "unit/routing/test_connections.py",
        "unit/wire/test_http.py",
        "unit/networks/test_kept.py",
        "unit/networks/test_certificates.py",
        "unit/networks/test_patience.py",
    ],
)
def test_what_leaves_and_what_does_not_is_told_apart_over_aiohttp_too(
    fast: Callable[..., subprocess.CompletedProcess[str]], tests: str
) -> None:
    """The same tests again, on the event loop that aiohttp runs on."""
    done = fast("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", "not trio", f"tests/{tests}")
    assert done.returncode == 0, done.stdout
