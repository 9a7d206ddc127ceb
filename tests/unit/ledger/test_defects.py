"""Fourteen defects of an early implementation of the same plan, through the public `Client`: none is here.

On every store: in memory, in a file, on a server.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, UnknownModel
from shunpike.ledger.windows import GUARD
from shunpike.plugins import Host
from shunpike.types import Billing, Completion, Held, Limit, ModelInfo, Price, Settings
from shunpike.types.limits import Unit
from shunpike.types.usage import Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

from .rig import DAY, MINUTE, NOON, PLACE, Waiting, blocked, client_of, daily, limit, used

BUDGET = {"amount": {"pico": 10**12}, "period": "lifetime"}


@pytest.fixture(params=["memory", "sqlite", "postgresql"], autouse=True)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    kind: str = request.param
    urls = {"memory": "memory:", "sqlite": f"sqlite:{tmp_path / 'ledger.db'}"}
    PLACE["url"] = urls.get(kind) or request.getfixturevalue("postgres_url")
    return PLACE["url"]


SPEND_AND_DIE = """
import anyio, os, signal, sys
sys.path.insert(0, sys.argv[1])
import tests.unit.ledger.rig as here

async def main():
    here.PLACE["url"] = sys.argv[2]
    client = here.client_of(here.daily())
    for _ in range(2):
        await client.complete("hello")
    os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_01_a_restart_gives_no_fresh_day(place: str) -> None:
    """A process uses two of three requests of the day and is killed with -9: one is left, in whatever process."""
    if place == "memory:":
        pytest.skip("this store forgets, as it says")
    script = [sys.executable, "-c", SPEND_AND_DIE, str(Path(__file__).parents[3]), place]
    done = await anyio.to_thread.run_sync(lambda: subprocess.run(script, check=False))
    assert done.returncode == -signal.SIGKILL
    async with client_of(daily()) as client:
        assert await used(client, Unit.REQUEST) == 2
        await client.complete("hello")
        assert "3 requests / day" in (await blocked(client)).message


@pytest.mark.parametrize(
    ("one", "fit"),
    [
        (limit(2), 2),
        (limit(3, window=DAY), 3),
        (limit(44, Unit.TOTAL_TOKEN, MINUTE), 4),
        (limit(40, Unit.INPUT_TOKEN, MINUTE), 4),
        (limit(2, Unit.OUTPUT_TOKEN, MINUTE), 2),
        (limit(1, Unit.CONCURRENT, Held()), 1),
    ],
    ids=lambda one: one.text if isinstance(one, Limit) else "",
)
async def test_02_every_unit_is_limited_in_every_window(one: Limit, fit: int) -> None:
    """Five calls at once, each held as ten tokens of prompt and one of output: exactly what fits is sent."""
    only = ScriptedProvider("only", limits=[one])
    refused: list[Exhausted] = []
    async with client_of(only) as client:

        async def call() -> None:
            try:
                await client.complete("hello", max_tokens=1, wait=False)
            except Exhausted as error:
                refused.append(error)

        only.backend = Waiting(until=fit, then=lambda: len(refused) == 5 - fit)
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(call)
    assert len(only.backend.calls) == fit
    assert all(error.retry_at is not None for error in refused)


async def test_03_two_hundred_requests_are_not_two_hundred_tokens() -> None:
    """A long prompt passes a limit of requests; one that can never fit a limit of tokens is refused at once."""
    prompt = "word " * 2_000
    requests = ScriptedProvider("requests", limits=[limit(200)])
    async with client_of(requests) as client:
        assert (await client.complete(prompt)).provider == "requests"
    tokens = ScriptedProvider("tokens", limits=[limit(200, Unit.TOTAL_TOKEN)])
    async with client_of(tokens) as client:
        started = client.clock.monotonic()
        error = await blocked(client, prompt)
        assert "too large for the limit 200 total tokens / 60 s" in error.message
        assert (error.retry_at, client.clock.monotonic()) == (None, started)
        assert "lower max_tokens to" in (await blocked(client, "hello", max_tokens=500)).message
    assert tokens.backend.calls == []


async def test_04_a_daily_limit_of_requests_counts_requests() -> None:
    heavy = answer(usage=Usage(prompt_tokens=9_000, completion_tokens=5_400))
    only = ScriptedProvider("only", heavy, limits=[limit(3, window=DAY)])
    async with client_of(only) as client:
        for _ in range(3):
            await client.complete("hello")
        assert "3 requests / day (America/Los_Angeles)" in (await blocked(client)).message


@pytest.mark.parametrize("idle", [3_700.0, 40 * 86_400.0, 200 * 86_400.0])
async def test_05_a_provider_that_was_idle_is_there_again(idle: float) -> None:
    """Upkeep folds old rows away, never the limit's place."""
    only = ScriptedProvider("only", limits=[limit(1), limit(100, Unit.REQUEST, DAY)])
    async with client_of(only) as client:
        for _ in range(4):
            await client.complete("hello")
            await blocked(client)
            await client.clock.sleep(idle)
        await client.check_store()


async def test_06_output_counts_and_what_was_held_too_much_comes_back() -> None:
    only = ScriptedProvider("only", limits=[limit(5_000, Unit.TOTAL_TOKEN)])
    async with client_of(only) as client:
        done = await client.complete("hello", max_tokens=4_000)
        assert done.usage == Usage(prompt_tokens=7, completion_tokens=3)
        await client.clock.sleep(GUARD)
        assert await used(client, Unit.TOTAL_TOKEN) == 10
        await client.complete("hello", max_tokens=4_000)


async def test_07_a_failed_call_gives_back_what_was_not_billed() -> None:
    """The request counts, its tokens and its money do not; without a connection not even the request does."""
    busy = Overloaded("busy", provider="only", status=503)
    busy.billed = False
    away = Overloaded("no route", provider="only", kind="connection")
    away.billed = False
    price = Price.per_million("1", "2")
    limits = [limit(9), limit(5_000, Unit.TOTAL_TOKEN)]
    only = ScriptedProvider("only", busy, away, limits=limits, billing=Billing.CARD, price=price)
    async with client_of(only, allow_paid=True, budgets=[BUDGET]) as client:
        await blocked(client)
        await client.clock.sleep(GUARD)
        assert (await used(client, Unit.REQUEST), await used(client, Unit.TOTAL_TOKEN)) == (1, 0)
        await client.clock.sleep(3_600)
        await blocked(client)
        assert (await used(client, Unit.REQUEST), await used(client, Unit.TOTAL_TOKEN)) == (0, 0)
        (row,) = await client.usage(0.0, NOON * 2)
        assert (row.requests, row.cost.pico, row.exact) == (1, 0, True)
    assert len(only.backend.calls) == 2


async def test_08_the_day_ends_on_the_providers_own_clock() -> None:
    """Not 24 hours after the start, not at midnight UTC: at midnight in California, 08:00 UTC in winter."""
    only = ScriptedProvider("only", limits=[limit(1, window=DAY)])
    async with client_of(only) as client:
        await client.complete("hello")
        error = await blocked(client)
        assert error.retry_at == NOON + 20 * 3_600 + GUARD
        await client.clock.sleep(13 * 3_600)  # the next day in UTC
        await blocked(client)
        await client.clock.sleep(error.retry_at - client.clock.now())
        await client.complete("hello")


async def test_09_check_and_take_are_one_step_in_all_processes(place: str) -> None:
    """Three clients on one ledger, ten requests each, all at once: seven fit, and seven are sent."""
    if place == "memory:":
        pytest.skip("this store is not shared, as it says")
    providers = [ScriptedProvider("only", limits=[limit(7)]) for _ in range(3)]
    clients = [client_of(one) for one in providers]
    ends: list[Completion | Exhausted] = []

    async def one(client: Client) -> None:
        try:
            ends.append(await client.complete("hello", wait=False))
        except Exhausted as error:
            ends.append(error)

    async with anyio.create_task_group() as group:
        for client in clients * 10:
            group.start_soon(one, client)
    for client in clients:
        await client.aclose()
    assert sum(isinstance(end, Completion) for end in ends) == 7
    assert sum(len(provider.backend.calls) for provider in providers) == 7


async def test_10_the_moment_that_is_named_is_the_moment_that_opens() -> None:
    """Nothing is polled: a millisecond before it there is no admission, at it there is."""
    only = ScriptedProvider("only", limits=[limit(1)])
    async with client_of(only) as client:
        await client.complete("hello")
        opens = (await blocked(client)).retry_at
        assert opens == NOON + 60 + GUARD
        await client.clock.sleep(opens - client.clock.now() - 0.001)
        assert (await blocked(client)).retry_at == opens
        await client.clock.sleep(0.001)
        await client.complete("hello")


class Unlimited(ScriptedProvider):
    """A provider of which no limit is known."""

    def shunpike_limits(self, provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
        return None


@pytest.mark.parametrize("known", ["price", "limits"])
async def test_11_what_can_cost_money_and_is_not_known_is_closed(known: str) -> None:
    price = Price.per_million("1", "2") if known == "price" else None
    kind = Unlimited if known == "price" else ScriptedProvider
    only = kind("only", limits=[limit(9)], billing=Billing.CARD, price=price)
    async with client_of(only, allow_paid=True, budgets=[BUDGET]) as client:
        error = await blocked(client)
    assert ("unknown" if known == "price" else "its price is not known") in error.message
    assert error.retry_at is None
    assert only.backend.calls == []


async def test_12_an_empty_answer_is_a_failure_of_its_own_kind() -> None:
    first, second = ScriptedProvider("first", answer("")), ScriptedProvider("second", answer("words"))
    async with client_of(first, second) as client:
        done = await client.complete("hello")
    assert (done.text, [one.error for one in done.attempts]) == ("words", ["empty", None])


async def test_13_every_model_is_dated_and_a_dead_one_is_not_asked() -> None:
    host = Host.load()
    async with Client(Settings(), host=host, clock=VirtualClock(NOON), store=MemoryStore(), environ={}) as client:
        models = client.models()
        dead = next(model for model in models if model.status == "retired")
        assert all(model.source and model.as_of.year >= 2025 for model in models)
        assert all(model.as_of.year >= 2026 for model in models if model.status == "active")
        with pytest.raises(UnknownModel, match="retired"):
            await client.complete("hello", model=f"{dead.provider}/{dead.id}")


async def test_14_an_answer_is_judged_by_what_can_be_proven_wrong() -> None:
    """Many words, headings and code blocks do not make JSON; a short object does."""
    prose = "# Plan\n\n```python\nprint('thorough')\n```\n\n" + "A careful and complete answer. " * 50
    first, second = ScriptedProvider("first", answer(prose)), ScriptedProvider("second", answer('{"a": 1}'))
    async with client_of(first, second) as client:
        done = await client.complete("a?", response_format={"type": "json_object"})
    assert (done.provider, done.attempts[0].error) == ("second", "schema_invalid")
