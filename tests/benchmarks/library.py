"""What a call costs, beside other libraries in the same run, and where our own time goes.

    python tests/benchmarks/library.py [--rounds 3] [--calls 1500] [--streams 300] [--only shunpike,openai] [--fresh]

Each library is installed into an environment of its own in the user's cache folder, in the version named below; ours
as anybody would install it, from this checkout. How to read the tables stands in the README beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import platformdirs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = platformdirs.user_cache_path("shunpike-benchmarks")
OURS = (str(ROOT / "core"), str(ROOT / "plugins" / "openai"))
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "ours": OURS,
    "bare": ("httpx==0.28.1", "sniffio==1.3.1", "aiohttp==3.14.5"),
    "openai": ("openai==3.54.0",),
    "any-llm": ("any-llm-sdk[openai]==1.40.2",),
    "litellm": ("litellm==1.106.2",),
    "pydantic-ai": ("pydantic-ai-slim[openai]==2.68.0",),
}
ROW = "{:<32}{:>12}{:>16}{:>12}{:>10}"


class Row(NamedTuple):
    """A line of the table: the client that is run, the environment that holds it, and what it is called."""

    client: str
    place: str
    title: str


ROWS = (
    Row("shunpike", "ours", "shunpike, ledger in SQLite"),
    Row("shunpike-unlimited", "ours", "shunpike, nothing to keep"),
    Row("aiohttp", "bare", "aiohttp alone"),
    Row("httpx", "bare", "httpx alone"),
    Row("openai", "openai", "openai-python"),
    Row("any-llm", "any-llm", "any-llm"),
    Row("litellm", "litellm", "LiteLLM"),
    Row("litellm-router", "litellm", "LiteLLM's Router"),
    Row("pydantic-ai", "pydantic-ai", "pydantic-ai, fallback model"),
)


class Figures(NamedTuple):
    """Milliseconds of CPU time that a call took, of each round."""

    cpu: list[float]

    @property
    def typical(self) -> float:
        """The median."""
        return median(self.cpu)

    @property
    def span(self) -> str:
        """The least and the most."""
        return f"{min(self.cpu):.2f}-{max(self.cpu):.2f}"


def uv(*arguments: str | Path) -> None:
    """Run uv. Raises `CalledProcessError`."""
    subprocess.run([os.environ.get("UV") or shutil.which("uv") or "uv", *arguments], check=True, cwd=ROOT)


def python_of(place: str) -> Path:
    """Return the Python of an environment."""
    folder = ENVIRONMENTS / place
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(place: str, *, fresh: bool) -> str | None:
    """Make an environment, ours anew each time; return why it can't be had."""
    try:
        if fresh or place == "ours" or not python_of(place).exists():
            uv("venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENTS / place)
        again = ("--reinstall-package", "shunpike", "--reinstall-package", "shunpike-openai") if place == "ours" else ()
        uv("pip", "install", "--quiet", "--python", python_of(place), *again, *PACKAGES[place])
    except (OSError, subprocess.CalledProcessError) as error:
        return f"can't be installed here: {error}"
    return None


@contextmanager
def upstream(cores: Sequence[int]) -> Iterator[str]:
    """Yield the port of a fake provider, which runs on a core of its own where there is one."""
    command = [sys.executable, str(HERE / "upstream.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        if len(cores) > 1:
            os.sched_setaffinity(process.pid, {cores[1]})
        yield process.stdout.readline().strip()
        process.stdin.close()


def run(row: Row, port: str, core: int | None, *options: str) -> tuple[dict[str, Any], str]:
    """Run one measurement; return what it prints, and the profile where one was asked for."""
    command = [str(python_of(row.place)), str(HERE / "clients.py"), row.client, port, *options]
    if core is not None:
        command = [sys.executable, "-c", PINNED, str(core), *command]
    clean = clean_environment()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean, timeout=LONGEST)
    if done.returncode:
        raise SystemExit(f"\n{row.title} failed ({' '.join(options)}):\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1]), done.stderr


LONGEST = 600
"""Seconds after which a measurement is given up: it hangs."""

PINNED = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"
"""Gives a process one core before it starts."""


def clean_environment() -> dict[str, str]:
    """Return the variables of a measurement: none that names a key, a setting or a proxy."""
    kept = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def table(title: str, rows: Sequence[Row], figures: Mapping[Row, Figures], missing: Mapping[Row, str]) -> None:
    """Print one table; the ratios are to our own first row."""
    print(f"\n{ROW.format(title, 'CPU ms', 'least-most', 'x shunpike', 'a second')}")
    own = figures.get(ROWS[0])
    for row in rows:
        if row in figures:
            one = figures[row]
            ratio = "" if own is None else f"{one.typical / own.typical:.1f}"
            print(ROW.format(row.title, f"{one.typical:.3f}", one.span, ratio, f"{1e3 / one.typical:,.0f}"))
        else:
            print(f"{row.title:<32}{missing.get(row, 'not measured')}")


def measure(rows: Sequence[Row], rounds: int, port: str, core: int | None, *options: str) -> dict[Row, Figures]:
    """Measure each row once a round, in turn, so that a busy machine slows all."""
    figures = {row: Figures([]) for row in rows}
    for number in range(rounds):
        for row in rows:
            print(f"\rround {number + 1} of {rounds}: {row.title:<40}", end="", file=sys.stderr, flush=True)
            figures[row].cpu.append(run(row, port, core, *options)[0]["cpu_ms"])
    print("\r" + " " * 60, end="\r", file=sys.stderr, flush=True)
    return figures


def at_once(port: str, core: int | None, given: argparse.Namespace) -> None:
    """Print what a call of ours costs when more of them are made at once."""
    print("\nour calls at once: CPU ms a call")
    costs = {}
    for many in (1, 16, 64, 200):
        count = str(max(given.calls, 3 * many))
        one = measure(ROWS[:1], given.rounds, port, core, "--calls", count, "--at-once", str(many))
        costs[many] = one[ROWS[0]].typical
        ratio = f"   {costs[many] / costs[16]:.2f} x that of 16" if many > 16 else ""
        print(f"{many:>6}{costs[many]:>10.3f}{ratio}")


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--calls", type=int, default=1500, help="for each measurement")
    parser.add_argument("--streams", type=int, default=300, help="for each measurement of streams")
    parser.add_argument("--only", default="", help="names of clients, with commas; else all")
    parser.add_argument("--fresh", action="store_true", help="make the environments of the others anew, too")
    return parser.parse_args()


def main() -> None:
    """Install, measure, and print the tables."""
    given = arguments()
    chosen = [row for row in ROWS if not given.only or row.client in given.only.split(",")]
    gone = {place: install(place, fresh=given.fresh) for place in dict.fromkeys(row.place for row in chosen)}
    missing = {row: why for row in chosen if (why := gone[row.place])}
    rows = [row for row in chosen if row not in missing]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    core = cores[0] if len(cores) > 1 else None
    print(f"Python {platform.python_version()}, {len(cores)} cores, 64 calls at once, medians of {given.rounds} rounds")
    with upstream(cores) as port:
        calls = measure(rows, given.rounds, port, core, "--calls", str(given.calls))
        table("a call", chosen, calls, missing)
        streams = measure(rows, given.rounds, port, core, "--stream", "--calls", str(given.streams))
        table("a stream of 104 events", chosen, streams, missing)
        if ROWS[0] in rows:
            at_once(port, core, given)
            for what in ((), ("--stream",)):
                print(f"\nthe first twenty entries of a profile{' of streams' if what else ''}:")
                print(run(ROWS[0], port, core, "--calls", str(given.streams), "--profile", "20", *what)[1])


if __name__ == "__main__":
    main()
