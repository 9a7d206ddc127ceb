"""The program itself: signals, settings that are read again, several workers, and when it does not start at all."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from shunpike.cli.main import run
from shunpike_gateway.server import listening

from .serving import PATIENCE, served

MORE = '\n[models.mine]\ntargets = ["sandbox/auto"]\n'


def children(parent: int) -> set[int]:
    found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
    return {int(one) for one in found.stdout.split()}


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:1]


def test_it_reads_its_settings_again_on_sighup_and_ends_well_on_sigterm(tmp_path: Path) -> None:
    with served(tmp_path, 'store = "memory:"\n') as gateway:
        assert gateway.ask("mine").status_code == 404
        gateway.file.write_text(f'store = "memory:"\n{MORE}', encoding="utf-8")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: gateway.answers(200, "mine"))
        gateway.file.write_text("strategy = 7\n", encoding="utf-8")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: "were not read again" in gateway.text)
        assert gateway.ask("mine").status_code == 200  # what held goes on
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(PATIENCE) == 0
        assert "Traceback" not in gateway.text


def test_a_worker_that_is_killed_is_started_again_and_all_end_with_the_first(tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise SystemExit(9)", encoding="utf-8")  # of this folder none imports it
    with served(tmp_path, f'store = "sqlite:{tmp_path}/ledger.db"\n', "--workers", "2") as gateway:
        gateway.until(lambda: len(children(gateway.process.pid)) == 2)
        before = children(gateway.process.pid)
        os.kill(min(before), signal.SIGKILL)
        gateway.until(lambda: len(children(gateway.process.pid) - {min(before)}) == 2)
        gateway.until(lambda: gateway.answers(200))
        assert "another begins" in gateway.text
        gateway.file.write_text(f'store = "sqlite:{tmp_path}/ledger.db"\n{MORE}', encoding="utf-8")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: all(gateway.answers(200, "mine") for _ in range(8)))  # each worker read it
        workers = children(gateway.process.pid)
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(PATIENCE) == 0
        assert not any(lives(one) for one in workers)


def test_workers_whose_watcher_was_killed_end_by_themselves(tmp_path: Path) -> None:
    with served(tmp_path, f'store = "sqlite:{tmp_path}/ledger.db"\n', "--workers", "2") as gateway:
        gateway.until(lambda: len(children(gateway.process.pid)) == 2)
        workers = children(gateway.process.pid)
        gateway.process.kill()
        gateway.process.wait(PATIENCE)
        gateway.until(lambda: not any(lives(one) for one in workers))


@pytest.mark.parametrize(
    ("config", "arguments", "said"),
    [
        ('store = "memory:"\n', ["--workers", "2"], "can't share a store in memory"),
        ('store = "memory:"\n', ["--host", "0.0.0.0"], "there is no client key"),  # noqa: S104
        ('store = "memory:"\n', ["--host", "::"], "there is no client key"),
        ('store = "memory:"\n[gateway]\nhost = "0.0.0.0"\nhosts = ["*"]\n', [], "there is no client key"),
        ('store = "memory:"\n[gateway]\nport = 70000\n', [], "gateway.port"),
        ('store = "memory:"\n', ["--host", "256.0.0.1"], "256.0.0.1"),
    ],
)
def test_where_it_must_not_start_it_says_why(
    tmp_path: Path,
    config: str,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert said in refused(tmp_path, config, arguments, monkeypatch, capfd)


def test_a_port_that_is_taken_is_told_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with listening("127.0.0.1", 0) as bound:
        port = str(bound.getsockname()[1])
        told = refused(tmp_path, 'store = "memory:"\n', ["--port", port], monkeypatch, capfd)
    assert f"can't listen at 127.0.0.1 port {port}" in told
    assert "--port 0" in told


def refused(
    folder: Path,
    config: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> str:
    """Return what ``serve`` says that does not start; nothing of it is data."""
    file = folder / "config.toml"
    file.write_text(config, encoding="utf-8")
    monkeypatch.setenv("SHUNPIKE_CONFIG", str(file))
    port = [] if "port" in config or "--port" in arguments else ["--port", "0"]
    assert run(["serve", *port, *arguments]) == 3
    told = capfd.readouterr()
    assert told.out == ""
    assert "hint:" in told.err
    return told.err
