"""What a gateway adds to a request, beside other gateways in the same run, on the same fake upstream.

    python tests/benchmarks/gateway.py [--rounds 3] [--seconds 4] [--only shunpike,litellm] [--fresh]

Each gateway has one core; the upstream and what asks share another one. Each is started anew in each round, in turn.
How to read the tables stands in the README beside this file. It runs on Linux: it reads ``/proc``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers import BURST, HERE, PACED, PEERS, Peer, Started, environment

TICKS = os.sysconf("SC_CLK_TCK")
STARTS_IN = 90.0
"""Seconds after which a gateway that has not answered is given up."""
MEASURES: Mapping[str, Sequence[str]] = {
    "c1": ("--at-once", "1"),
    "c16": ("--at-once", "16"),
    "c64": ("--at-once", "64"),
    "rate": ("--at-once", "32", "--rate", "100"),
    "burst": ("--at-once", "16", "--stream"),
    "paced": ("--at-once", "16", "--stream"),
}
"""Name → how the load is made."""
Figures = dict[str, dict[str, list[float]]]
"""Measurement → figure → the value of each round."""


@contextmanager
def upstream(core: int | None) -> Iterator[str]:
    """Yield the base URL of a fake provider."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "upstream.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        _pin(process.pid, core)
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        process.stdin.close()


def _pin(pid: int, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(pid, {core})


class Running:
    """A gateway that runs, with all processes that it started."""

    def __init__(self, process: subprocess.Popen[str], started: Started) -> None:
        self._process = process
        self.started = started

    def _processes(self) -> list[Path]:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self._process.pid:  # the session, which it leads
                found.append(place)
        return found

    def cpu(self) -> float:
        """Return the seconds of CPU time that its processes took so far."""
        total = 0
        for place in self._processes():
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
        return total / TICKS

    def memory(self) -> float:
        """Return the megabytes that its processes hold, a share of what they share."""
        total = 0
        for place in self._processes():
            lines = (place / "smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024


@contextmanager
def running(peer: Peer, base: str, core: int | None) -> Iterator[tuple[Running, float]]:
    """Yield a gateway that has answered, and the seconds that this took."""
    with tempfile.TemporaryDirectory() as folder:
        started = peer.start(Path(folder), base)
        log = Path(folder) / "log"
        with log.open("w", encoding="utf-8") as out:
            begun = time.perf_counter()
            process = subprocess.Popen(
                started.command,
                env={**environment(), **started.environ},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
            try:
                answered(started, process, begun, log)
                took = time.perf_counter() - begun
                for task in Path(f"/proc/{process.pid}/task").iterdir():
                    _pin(int(task.name), core)
                yield Running(process, started), took
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def answered(started: Started, process: subprocess.Popen[str], begun: float, log: Path) -> None:
    """Ask until there is an answer. Raises `SystemExit` where none comes."""
    body = json.dumps({"model": started.prefix + BURST, "messages": [{"role": "user", "content": "hi"}]}).encode()
    headers = {"content-type": "application/json", **started.headers}
    request = urllib.request.Request(f"{started.url}/v1/chat/completions", body, headers)  # noqa: S310 - loopback
    said: object = None
    while time.perf_counter() - begun < STARTS_IN and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                answer.read()
                return
        except OSError as error:
            said = error
            time.sleep(0.02)
    raise SystemExit(f"\n{' '.join(started.command)} gave no answer ({said}):\n{log.read_text()[-3000:]}")


def load(url: str, headers: Mapping[str, str], model: str, core: int | None, *options: str) -> dict[str, Any]:
    """Return what one run of the load measured."""
    command = [sys.executable, str(HERE / "load.py"), f"{url}/chat/completions", json.dumps(headers), model, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        _pin(process.pid, core)
        said, _ = process.communicate()
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    if found["failures"] or not found["count"]:
        print(f"\n{url}: {found['failures']} of {found['count']} failed: {found['problem']}", file=sys.stderr)
    return found


def measured(
    peer: Peer | None, base: str, cores: tuple[int | None, int | None], seconds: float, figures: Figures
) -> None:
    """Take one round of measurements of a gateway, or of the upstream itself."""
    if peer is None:
        for name in MEASURES:
            _one(name, None, base, cores[1], seconds, figures)
        return
    with running(peer, base, cores[0]) as (gateway, took):
        figures["start"]["seconds"].append(took)
        figures["start"]["cpu"].append(gateway.cpu())
        figures["start"]["idle"].append(gateway.memory())
        load(
            f"{gateway.started.url}/v1",
            gateway.started.headers,
            gateway.started.prefix + BURST,
            cores[1],
            "--seconds",
            "1",
        )
        for name in MEASURES:
            _one(name, gateway, base, cores[1], seconds, figures)
        figures["start"]["loaded"].append(gateway.memory())


def _one(name: str, gateway: Running | None, base: str, core: int | None, seconds: float, figures: Figures) -> None:
    model = PACED if name == "paced" else BURST
    options = (*MEASURES[name], "--seconds", str(seconds))
    if gateway is None:
        found, used = load(base, {}, model, core, *options), 0.0
    else:
        before, started = gateway.cpu(), gateway.started
        found = load(f"{started.url}/v1", started.headers, started.prefix + model, core, *options)
        used = gateway.cpu() - before
    found["cpu"] = used / max(found["count"], 1) * 1e3
    for key in ("a_second", "events_a_second", "events_each", "p50", "p99", "first_p50", "first_p99", "cpu"):
        figures[name][key].append(found[key])


def main() -> None:
    """Install, measure, and print the tables."""
    from gateway_tables import told

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--only", default="", help="names of gateways, with commas; else all")
    parser.add_argument("--fresh", action="store_true", help="install the others anew, too")
    given = parser.parse_args()
    peers = [one for one in PEERS if not given.only or one.name in given.only.split(",")]
    for install in dict.fromkeys(one.install for one in peers):
        install(given.fresh)
    cores = sorted(os.sched_getaffinity(0))
    place = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    found: dict[str, Figures] = {title: _empty() for title in ("direct", *(one.title for one in peers))}
    with upstream(place[1]) as base:
        for number in range(given.rounds):
            for peer in (None, *peers):
                title = "direct" if peer is None else peer.title
                print(f"\rround {number + 1} of {given.rounds}: {title:<40}", end="", file=sys.stderr, flush=True)
                measured(peer, base, place, given.seconds, found[title])
    print("\r" + " " * 60, end="\r", file=sys.stderr, flush=True)
    print(f"Python {platform.python_version()}, {len(cores)} cores, medians of {given.rounds} rounds (least-most)")
    print(told(found), end="")


def _empty() -> Figures:
    return defaultdict(lambda: defaultdict(list))


if __name__ == "__main__":
    main()
