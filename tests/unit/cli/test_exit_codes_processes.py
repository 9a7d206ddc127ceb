"""Exit codes of whole processes, as in the README's table: servers that fail, time that ends, ledgers that can't be."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .sick_server import SickServer

FAILING = [("401", 4), ("403", 4), ("404", 6), ("429", 5), ("500", 6), ("hang-up", 6), ("half", 6), ("stall", 6)]
ASK = ("-p", "groq", "hi", "--no-wait")


@pytest.fixture(scope="module")
def server() -> Iterator[SickServer]:
    with SickServer() as running:
        yield running


def shunpike(folder: Path, address: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with one real provider, which is at ``address``."""
    file = folder / "user.toml"
    file.write_text(f'[providers.groq]\nbase_url = "{address}"\ntimeouts = {{connect = 2.0, first_token = 2.0}}\n')
    return subprocess.run(
        [sys.executable, "-m", "shunpike", *arguments],
        cwd=folder,
        env={**os.environ, "GROQ_API_KEY": "k" * 24, "SHUNPIKE_CONFIG": str(file), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def told(ran: subprocess.CompletedProcess[str]) -> int:
    """Return the exit code that the error on stderr says it has."""
    return int(json.loads(ran.stderr.splitlines()[-1])["error"]["exit_code"])


@pytest.mark.slow
@pytest.mark.parametrize(("what", "code"), FAILING)
def test_each_command_that_asks_tells_by_its_code_how_the_provider_failed(
    server: SickServer, tmp_path: Path, what: str, code: int
) -> None:
    address = f"http://127.0.0.1:{server.port}/{what}/v1"
    for command in (("models", "--live", "--json"), ("models", "--live", "-p", "groq", "--json"), (*ASK, "--json")):
        ran = shunpike(tmp_path, address, *command)
        assert (ran.returncode, ran.stdout) == (code, ""), f"{command}: {ran.stderr}"
        assert told(ran) == code
    assert shunpike(tmp_path, address, "catalog", "diff", "groq").returncode == code
    doctor = shunpike(tmp_path, address, "doctor", "--online")
    assert (doctor.returncode, "✗ groq" in doctor.stdout) == (1, True), doctor.stdout


@pytest.mark.parametrize(("what", "code"), [("400", 2), ("422", 2), ("413", 2), ("402", 6)])
def test_a_request_that_is_refused_is_the_calls_and_an_empty_account_the_providers(
    server: SickServer, tmp_path: Path, what: str, code: int
) -> None:
    ran = shunpike(tmp_path, f"http://127.0.0.1:{server.port}/{what}/v1", *ASK, "--json")
    assert (ran.returncode, told(ran)) == (code, code), ran.stderr


@pytest.mark.parametrize("more", [(), ("--no-stream",), ("--json",)])
@pytest.mark.parametrize("what", ["endless", "stall"])
def test_a_deadline_ends_with_6_in_an_answer_and_before_its_first_word(
    server: SickServer, tmp_path: Path, what: str, more: tuple[str, ...]
) -> None:
    ran = shunpike(tmp_path, f"http://127.0.0.1:{server.port}/{what}/v1", *ASK, "--timeout", "1s", *more)
    assert ran.returncode == 6, ran.stderr
    assert "--timeout 10m" in ran.stderr
    assert (ran.stdout != "") == (what == "endless" and not more)


@pytest.mark.parametrize("command", [("limits",), ("providers",), ASK])
def test_a_ledger_that_can_not_be_where_the_settings_say_is_a_wrong_configuration(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    for place, said in (
        (tmp_path / "none" / "ledger.db", "mkdir -p"),
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "ledger.db", "is no folder"),
    ):
        ran = shunpike(tmp_path, "http://127.0.0.1:9/v1", *command, SHUNPIKE_STORE=f"sqlite:{place}")
        assert (ran.returncode, ran.stdout) == (3, "")
        assert said in ran.stderr
    doctor = shunpike(tmp_path, "http://127.0.0.1:9/v1", "doctor", SHUNPIKE_STORE=f"sqlite:{tmp_path}/none/ledger.db")
    assert doctor.returncode == 1


@pytest.mark.parametrize("command", [("limits",), ASK])
def test_a_ledger_of_a_newer_version_is_a_failure(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "ledger.db"
    store = {"SHUNPIKE_STORE": f"sqlite:{path}"}
    assert shunpike(tmp_path, "http://127.0.0.1:9/v1", "limits", **store).returncode == 0
    with sqlite3.connect(path) as ledger:
        ledger.execute("INSERT INTO migrations VALUES ('ledger', 999, 0.0)")
    ledger.close()
    ran = shunpike(tmp_path, "http://127.0.0.1:9/v1", *command, **store)
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    assert "newer" in ran.stderr


@pytest.mark.parametrize("command", [("limits",), ("models",), ("keys", "list"), ("config", "show"), ASK])
def test_a_file_of_the_configuration_that_is_missing_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    missing = str(tmp_path / "none.toml")
    ran = shunpike(tmp_path, "http://127.0.0.1:9/v1", *command, SHUNPIKE_CONFIG=missing)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert f"{missing} does not exist" in ran.stderr
