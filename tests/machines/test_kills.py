"""K9: ``kill -9`` at two hundred random moments, and at twelve named ones."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import anyio
import pytest

from shunpike.types import Lifetime, Unit
from shunpike_testkit.stores import hold

from .rig import PATIENCE, is_file, open_store, read, recovered, rows, run_to_the_end

KILLS, REPEATS = 200, 5
WORST, CAP = 10, 10**6
SCRIPT = Path(__file__).with_name("crashes.py")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals and forks")]


def lock_files(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*-owner-*")]


async def test_k9_two_hundred_kills_lose_nothing(store_url: str, quick: Path) -> None:
    """Four processes at work on one ledger, one after the other killed and replaced."""
    book = quick / "book"
    if is_file(store_url):
        store_url = f"sqlite:{quick / 'ledger.db'}"
    await anyio.to_thread.run_sync(run_to_the_end, "kill", store_url, book, CAP, KILLS)
    store = open_store(store_url)
    money = hold(WORST, CAP, Unit.USD, Lifetime())
    await recovered(store)
    verdict = await store.check()
    (row,) = await store.usage(0.0, 1e12)
    (left,) = await store.remaining([money], time.time())
    await store.aclose()

    lines = read(book)
    sent = {name for word, name, _ in lines if word == "sent"}
    billed = {name: int(cost) for word, name, cost in lines if word == "billed"}
    settled = {name: int(cost) for word, name, cost in lines if word == "settled"}
    assert len(lines) > KILLS * 3, "the workers hardly worked"
    assert ", 0 held" in verdict
    assert row.held == 0, "the dead still hold something"
    assert row.unconfirmed > KILLS // 10, "hardly a kill hit an attempt in flight: the test proves nothing"
    assert left.used == row.cost.pico <= CAP
    assert sum(billed.get(name, WORST) for name in sent) <= left.used, "the provider could bill more than is booked"
    attempts = {str(one[0]): one[1:] for one in rows(store_url, "SELECT id, state, cost_pico FROM attempts")}
    assert sent <= set(attempts), "something was sent that the ledger does not know"
    assert all(attempts[name] == ("settled", cost) for name, cost in settled.items())
    assert all(cost <= attempts[name][1] for name, cost in billed.items())
    assert rows(store_url, "SELECT id FROM owners") == [], "a dead owner is still on the list"
    assert lock_files(quick) == [], "a dead owner left its lock behind"


async def test_k9_a_process_may_die_at_any_of_twelve_points(store_url: str, quick: Path) -> None:
    """Nothing is sent without a row; what may have been billed stays booked; what was settled stays settled."""
    url, book = f"sqlite:{quick / 'ledger.db'}" if is_file(store_url) else store_url, quick / "book"
    words = [sys.executable, str(SCRIPT), url, str(book), str(REPEATS)]
    await anyio.to_thread.run_sync(lambda: subprocess.run(words, check=True, timeout=PATIENCE))
    store = open_store(url)
    await recovered(store)
    await store.check()
    (row,) = await store.usage(0.0, 1e12)
    await store.aclose()

    states: dict[str, list[str]] = defaultdict(list)
    costs: dict[str, int] = {}
    for name, tag, state, cost in rows(url, "SELECT id, tag, state, cost_pico FROM attempts"):
        states[tag].append(state)
        costs[name] = cost
    billed = {line[1]: int(line[2]) for line in read(book) if line[0] == "billed"}
    seen = {line[1] for line in read(book) if line[0] == "seen"}
    assert "before the reserving commit" not in states
    done = {"after the settling commit", "during the checkpoint"}
    assert len(states) == (11 if is_file(url) else 10)
    for point, found in states.items():
        assert found == ["settled" if point in done else "unconfirmed"] * REPEATS, point
    assert seen <= set(costs), "something was sent that the ledger does not know"
    assert len(billed) == (8 if is_file(url) else 7) * REPEATS
    assert all(cost <= costs[name] for name, cost in billed.items())
    assert row.held == 0
    assert sum(billed.values()) <= row.cost.pico
