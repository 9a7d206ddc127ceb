"""Processes that work on one ledger, as a script: ``worker.py SCENARIO STORE …``. Started by the tests beside it."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from leaving import MODELS, PER_CLIENT, WAYS, forget_trouble, once, settings
from pydantic import SecretStr
from rig import open_store, write

from shunpike.client import Client
from shunpike.errors import Exhausted, ShunpikeError, StoreError
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import Grant, Lifetime, Limit, ProviderSettings, Rolling, Settings, Unit
from shunpike_testkit.stores import hold, reservation, settled

T = TypeVar("T")
WORST = 10


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do it again where a busy machine kept this process from the ledger for too long: nothing was kept of it."""
    for _ in range(5):
        with suppress(StoreError):
            return await work()
    return await work()


async def pairs(url: str, book: str, cap: str, count: str, lanes: str) -> None:
    """Reserve and settle ``count`` times in random order over ``lanes`` tasks; note every settlement."""
    store, choice, todo = open_store(url), random.Random(os.getpid()), iter(range(int(count)))
    done: list[str] = []

    async def lane() -> None:
        for number in todo:
            name = f"{os.getpid()}-{number}"
            money, calls = hold(WORST, int(cap), Unit.USD, Lifetime()), hold(1, 10**9)
            grant = await patiently(partial(store.admit, reservation(name, time.time(), money, calls)))
            for _ in range(choice.randint(0, 5)):
                await anyio.lowlevel.checkpoint()
            if isinstance(grant, Grant):
                cost = choice.randint(0, WORST)
                assert await patiently(partial(store.settle, name, settled(time.time(), pico=cost)))
                done.append(f"settled {name} {cost}")
            else:
                done.append(f"refused {name} 0")

    async with anyio.create_task_group() as group:
        for _ in range(int(lanes)):
            group.start_soon(lane)
    await store.aclose()
    write(Path(book), "\n".join(done))


async def spend(url: str, book: str, cap: str, seed: str, count: str = "1000000") -> None:
    """Admit, send, settle, three at a time, until killed or done; the provider's book is written as it would be."""
    store, choice, todo = open_store(url), random.Random(seed), iter(range(int(count)))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(_spend_lane, store, Path(book), int(cap), choice, todo)
    await store.aclose()


async def _spend_lane(store: Store, book: Path, cap: int, choice: random.Random, todo: object) -> None:
    for number in todo:  # type: ignore[attr-defined]  # a shared iterator
        name = f"{os.getpid()}-{number}"
        money, calls = hold(WORST, cap, Unit.USD, Lifetime()), hold(1, 40, window=Rolling(seconds=0.1))
        answer = await store.admit(reservation(name, time.time(), money, calls))
        if not isinstance(answer, Grant):
            await anyio.sleep(0.002)
            continue
        write(book, "sent", name, time.time())
        await anyio.sleep(choice.random() * 0.003)
        cost = choice.randint(0, WORST)
        write(book, "billed", name, cost)
        if await store.settle(name, settled(time.time(), pico=cost)):
            write(book, "settled", name, cost)


def set_clock(seconds: float, since: str | None) -> None:
    """Let this machine's clock be wrong, for everything that runs in this process; once the file ``since`` is there."""
    right = time.time
    time.time = lambda: right() + (seconds if since is None or os.path.exists(since) else 0.0)  # noqa: PTH110 - quick


async def share(url: str, base_url: str, stop: str, *words: str) -> None:
    """Ask one provider as fast as its limits allow, through a client, until the file ``stop`` is there.

    ``words``: requests and tokens in so many seconds, and how many seconds this machine's clock is wrong; if only from
    a moment on, the file that is there then.
    """
    requests, tokens, seconds, wrong, *since = words
    set_clock(float(wrong), since[0] if since else None)
    window = Rolling(seconds=float(seconds))
    limits = (
        Limit(unit=Unit.REQUEST, amount=int(requests), window=window),
        Limit(unit=Unit.TOTAL_TOKEN, amount=int(tokens), window=window),
    )
    section = ProviderSettings(
        plugin="groq", base_url=base_url, key=SecretStr("sandbox-shared"), price="free", limits=limits
    )
    settings = Settings(providers={"north": section})

    async def lane(client: Client) -> None:
        while not os.path.exists(stop):  # noqa: ASYNC240, PTH110 - a look at one name
            try:
                await client.complete("hello", model="north/openai/gpt-oss-20b", max_tokens=16)
            except Exhausted as error:
                wait = 0.05 if error.retry_at is None else error.retry_at - time.time()
                await anyio.sleep(min(max(wait, 0.0), float(seconds)))

    async with Client(settings, store=open_store(url), environ={}) as client:
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(lane, client)


async def leave(url: str, root: str, budget: str, book: str, count: str) -> None:
    """Send ``count`` requests, and leave each in one of the `WAYS`; ask at most twice as often."""
    choice, asked, sent = random.Random(time.monotonic_ns()), 0, 0
    while sent < int(count) and asked < 2 * int(count):
        async with Client(settings(root, budget), store=open_store(url), environ={}) as client:
            await forget_trouble(client)
            for _ in range(min(PER_CLIENT, int(count) - sent)):
                asked += 1
                try:
                    await once(client, choice.choice(list(MODELS)), choice.choice(WAYS))
                    sent += 1
                except Exhausted as error:
                    # Without a status it may have been a deadline that passed before anything had left.
                    sent += any(one.status or one.state != "released" for one in error.decision.attempts)
                except ShunpikeError:
                    sent += 1
    write(Path(book), asked, sent)


def forked(scenario: str, *words: str) -> int:
    """Play a scenario in a copy of this process, which has no thread yet; return the copy's id."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = 1
        try:
            anyio.run(SCENARIOS[scenario], *words)
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    return child


def many(count: str, scenario: str, *words: str) -> None:
    """Play a scenario in so many processes at once; fail when one of them fails, take them along when ended."""
    children = [forked(scenario, *words) for _ in range(int(count))]

    def end(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise SystemExit(f"workers ended with {codes}")


def kill(url: str, book: str, cap: str, kills: str) -> None:
    """Four spenders on one ledger; one after the other is killed with -9 at a random moment and replaced."""
    choice, size = random.Random(9), 0
    workers = [forked("spend", url, book, cap, str(seed)) for seed in range(4)]
    for number in range(int(kills)):
        size = wait_for_growth(Path(book), size + 400)
        time.sleep(choice.uniform(0.0, 0.01))
        victim = number % len(workers)
        os.kill(workers[victim], signal.SIGKILL)
        os.waitpid(workers[victim], 0)
        workers[victim] = forked("spend", url, book, cap, str(100 + number))
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def wait_for_growth(book: Path, size: int) -> int:
    """Return the size of the book once it is at least ``size``."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = book.stat().st_size if book.exists() else 0
        if now >= size:
            return now
        time.sleep(0.001)
    raise TimeoutError("the workers do not work")


SCENARIOS = {"pairs": pairs, "spend": spend, "share": share, "leave": leave}

if __name__ == "__main__":
    # What every copy needs is imported once: event loop and plugins.
    anyio.run(anyio.lowlevel.checkpoint)
    if {"share", "leave"} & set(sys.argv):
        Host.load()
    {"kill": kill, "many": many}[sys.argv[1]](*sys.argv[2:])
