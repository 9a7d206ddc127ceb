"""Whichever provider comes first and however it is out of order: the next one answers, in a fresh process."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shunpike.plugins import Host
from shunpike.types import Billing, ProviderInfo

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .sick_server import SickServer

FAULTS = ("refused", "dns", "tls", "hang-up", "500", "502", "503", "half", "stall")
REAL = {info.id: info for info in Host.load().providers() if not info.simulated and info.env_key}


def costs(info: ProviderInfo) -> bool:
    return info.tier(info.default_tier).billing is Billing.CARD


def next_of(name: str) -> str:
    """Return a provider that comes after ``name``: what is free comes before what costs money."""
    others = [one for one in REAL if one not in (name, "google") and costs(REAL[one]) == costs(REAL[name])]
    return others[0]


@pytest.fixture(scope="module")
def server() -> Iterator[SickServer]:
    with SickServer() as running:
        yield running


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and which nobody else gets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def ask(folder: Path, name: str, address: str, well: str) -> subprocess.CompletedProcess[str]:
    other = next_of(name)
    folder.mkdir()
    trusted(
        folder,
        f"""allow_paid = true
budgets = [{{amount = "5", period = "day"}}]
order = ["{name}", "{other}"]
[providers.{name}]
base_url = "{address}"
timeouts = {{connect = 5.0, first_token = 2.0}}
[providers.{other}]
base_url = "{well}"
""",
    )
    keys = {REAL[one].env_key or "": "k" * 24 for one in (name, other)}
    return subprocess.run(
        [sys.executable, "-m", "shunpike", "ask", "hi", "-p", name, "-p", other],
        cwd=folder,
        env={**os.environ, **keys, "SHUNPIKE_STORE": f"sqlite:{folder}/ledger.db"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_one_call_in_a_fresh_process_is_answered_by_the_next_provider(
    fault: str, server: SickServer, closed_port: int, tmp_path: Path
) -> None:
    here = f"127.0.0.1:{server.port}"
    address = {
        "refused": f"http://127.0.0.1:{closed_port}/v1",
        "dns": "https://no-such-host.invalid/v1",
        "tls": f"https://{here}/v1",
    }.get(fault, f"http://{here}/{fault}/v1")
    assert len(REAL) == 7
    with ThreadPoolExecutor(4) as pool:
        runs = {name: pool.submit(ask, tmp_path / name, name, address, f"http://{here}/well/v1") for name in REAL}
    for name, run in runs.items():
        ran = run.result()
        assert (ran.returncode, ran.stdout) == (0, "well\n"), f"{name}: {ran.stderr}"
        found = re.search(r"(\d+) fall-over", ran.stderr)
        assert found is not None, ran.stderr
        assert int(found[1]) <= 3, f"{name}: {ran.stderr}"
