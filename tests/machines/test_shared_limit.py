"""Q1: eight processes share one limit of a provider that counts strictly: never over it, and nearly all of it used."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike_sandbox.catalog import SandboxCatalog, bundled
from shunpike_sandbox.limits import Quota, Rule
from shunpike_sandbox.server import Running
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

from .rig import PATIENCE, started

PROCESSES, REQUESTS, SECONDS, WINDOWS = 8, 24, 3.0, 3
MODEL = "openai/gpt-oss-20b"
LATENCY = 0.05
"""Seconds to the first byte; the slot is held so much longer than the provider counts it."""
SHARE = 0.85


def catalog(tokens: int) -> SandboxCatalog:
    """Return the sandbox's catalog with short windows for one model, and no others."""
    plain = bundled()
    groq = plain.providers["groq"]
    quotas = (
        Quota(Rule("rpm", "requests", SECONDS), REQUESTS, MODEL),
        Quota(Rule("tpm", "total_tokens", SECONDS), tokens, MODEL),
    )
    model = replace(groq.models[MODEL], quotas={"free": quotas, "paid": quotas})
    short = replace(groq, models={**groq.models, MODEL: model})
    return replace(plain, providers={**plain.providers, "groq": short})


def attempts(world: SimulatedWorld) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = world.books()["groq"]["attempts"]
    return found


def most_in(moments: Sequence[float], amounts: Sequence[int]) -> int:
    """Return the most that any window of the length holds, wherever it starts."""
    pairs = sorted(zip(moments, amounts, strict=True))
    return max(sum(n for at, n in pairs if first <= at < first + SECONDS) for first, _ in pairs)


def most_fixed(moments: Sequence[float]) -> int:
    """Return the most that a fixed window holds, whatever the moment from which the provider counts them."""
    counts: list[int] = []
    for phase in range(10):
        windows = [int((at - phase * SECONDS / 10) // SECONDS) for at in moments]
        counts += [windows.count(one) for one in set(windows)]
    return max(counts)


async def play(url: str, base_url: str, world: SimulatedWorld, stop: Path, tokens: int) -> None:
    """Let the processes work until the provider has seen some windows full of their requests."""
    words = (url, base_url, stop, REQUESTS, tokens, SECONDS, 0)
    workers = await anyio.to_thread.run_sync(lambda: started("many", PROCESSES, "share", *words))
    try:
        with anyio.fail_after(PATIENCE):
            while not any(time.time() > one["at"] + SECONDS * WINDOWS + 0.5 for one in attempts(world)):
                assert workers.poll() is None, "the workers ended early"
                await anyio.sleep(0.1)
            await anyio.to_thread.run_sync(stop.touch)
            code = await anyio.to_thread.run_sync(workers.wait)
    finally:
        workers.terminate()
    assert code == 0


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [10**6, 1_000], ids=["requests bind", "tokens are counted too"])
async def test_q1_eight_processes_share_a_strict_limit(store_url: str, tmp_path: Path, tokens: int) -> None:
    world = SimulatedWorld(pace=ReplyPace(first_byte=LATENCY), catalog=catalog(tokens))
    with Running(world) as running:
        await play(store_url, running.base_url("groq"), world, tmp_path / "stop", tokens)
    books = world.books()["groq"]
    moments = sorted(one["at"] for one in attempts(world))
    assert books["overages"] == 0
    assert books["requests"] == books["answered"], "something was refused that our log called free"
    assert most_in(moments, [1] * len(moments)) <= REQUESTS
    assert most_fixed(moments) <= REQUESTS
    weights = [one["prompt_tokens"] + one["completion_tokens"] for one in attempts(world)]
    assert most_in([one["at"] for one in attempts(world)], weights) <= tokens
    if tokens > 1_000:
        used = sum(at < moments[0] + WINDOWS * SECONDS for at in moments)
        assert used >= SHARE * WINDOWS * REQUESTS, f"only {used} of {WINDOWS * REQUESTS} were used"


@pytest.mark.slow
async def test_q2_machines_whose_clocks_disagree_share_a_strict_limit(postgres_url: str, tmp_path: Path) -> None:
    """One clock is 90 s slow, one right, one 90 s fast; one machine stands still for more than a window meanwhile."""
    world, stop = SimulatedWorld(pace=ReplyPace(first_byte=LATENCY), catalog=catalog(10**6)), tmp_path / "stop"
    with Running(world) as running:
        words = (postgres_url, running.base_url("groq"), stop, REQUESTS, 10**6, SECONDS)
        hosts = [started("many", 1, "share", *words, wrong) for wrong in (-90, 0, 90)]
        try:
            with anyio.fail_after(PATIENCE):
                await asked(world, REQUESTS // 2)
                os.killpg(hosts[2].pid, signal.SIGSTOP)
                await asked(world, REQUESTS * 2)
                os.killpg(hosts[2].pid, signal.SIGCONT)
                await asked(world, REQUESTS * 4)
                await anyio.to_thread.run_sync(stop.touch)
                codes = [await anyio.to_thread.run_sync(host.wait) for host in hosts]
        finally:
            for host in hosts:
                with suppress(ProcessLookupError):
                    os.killpg(host.pid, signal.SIGKILL)
    books = world.books()["groq"]
    moments = sorted(one["at"] for one in attempts(world))
    assert codes == [0, 0, 0]
    assert books["overages"] == 0
    assert most_in(moments, [1] * len(moments)) <= REQUESTS


@pytest.mark.slow
async def test_q2_a_clock_that_is_set_while_all_work_opens_no_window(store_url: str, tmp_path: Path) -> None:
    """Of three processes one sees its wall clock jump forward by 10 s, another back; the provider's own goes on."""
    world, stop, jump = (
        SimulatedWorld(pace=ReplyPace(first_byte=LATENCY), catalog=catalog(10**6)),
        tmp_path / "stop",
        tmp_path / "j",
    )
    with Running(world) as running:
        words = (store_url, running.base_url("groq"), stop, REQUESTS, 10**6, SECONDS)
        workers = [started("many", 1, "share", *words, wrong, jump) for wrong in (0, 10, -10)]
        try:
            with anyio.fail_after(PATIENCE):
                await asked(world, REQUESTS)
                await anyio.to_thread.run_sync(jump.touch)
                await asked(world, REQUESTS * 3)
                await anyio.to_thread.run_sync(stop.touch)
                codes = [await anyio.to_thread.run_sync(worker.wait) for worker in workers]
        finally:
            for worker in workers:
                with suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
    moments = sorted(one["at"] for one in attempts(world))
    assert codes == [0, 0, 0]
    assert world.books()["groq"]["overages"] == 0
    assert most_in(moments, [1] * len(moments)) <= REQUESTS


async def asked(world: SimulatedWorld, count: int) -> None:
    """Wait until the provider has seen so many requests."""
    while len(attempts(world)) < count:  # noqa: ASYNC110 - the world runs in a thread of its own
        await anyio.sleep(0.05)
