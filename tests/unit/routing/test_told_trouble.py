"""What one process found in trouble is known to the others, and to the next ones: by the ledger that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.errors import AuthError, Exhausted, Overloaded, RateLimited, ShunpikeError
from shunpike.ledger.knowledge import FRESH
from shunpike.plugins import Host
from shunpike.routing.breaker import FAILURES
from shunpike.types import Block, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

NOON = 1_795_348_800.0


def down(kind: str = "connection", status: int | None = None) -> Overloaded:
    error = Overloaded("refused", provider="sick", kind=kind, status=status)
    error.billed = False
    return error


class Place:
    """A ledger file, a clock, and one provider that may be sick before one that is well."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, VirtualClock(NOON)
        self.key = {"SICK_KEY": "sk-first-0123456789"}

    def client(self, *script: Any, alone: bool = False) -> tuple[Client, ScriptedProvider]:
        """Return the client of another process."""
        sick, well = ScriptedProvider("sick", *script), ScriptedProvider("well", answer("fine"))
        host = Host()
        host.register(builtin, "builtin")
        for order, one in enumerate([sick] if alone else [sick, well]):
            one.order = order
            host.register(one, one.name)
        store = SqliteStore(self.folder / "ledger.db", clock=self.clock)
        providers = {"sick": {"key_env": "SICK_KEY"}}
        settings = Settings.model_validate({"providers": providers, "max_attempts": 4})
        return Client(settings, host=host, clock=self.clock, store=store, environ=self.key), sick

    async def asks(self, *script: Any) -> tuple[int, str]:
        """Ask once in a process of its own; return how often the sick one was asked, and who answered."""
        client, sick = self.client(*script)
        async with client:
            done = await client.complete("hi", timeout=3)
        return len(sick.backend.calls), done.provider

    async def closes(self, error: Overloaded | None = None) -> None:
        """Let it fail until it is closed, each time in a process of its own."""
        for _ in range(FAILURES):
            assert await self.asks(error or down()) == (1, "well")
            self.clock.advance(0.01)

    async def troubles(self) -> list[Block]:
        client, _ = self.client()
        async with client:
            return [one for one in (await client.ledger.closed()).values() if one.failures]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("error", [down(), down("timeout")], ids=["refused", "silent"])
async def test_the_next_process_leaves_out_what_the_last_one_found_down(place: Place, error: Overloaded) -> None:
    """So many failures in a row as close it are counted across processes."""
    await place.closes(error)
    for _ in range(3):
        assert await place.asks(down()) == (0, "well")
    (told,) = await place.troubles()
    assert (told.failures, told.bucket.partition("|")[0], told.origin.startswith("process ")) == (5, "sick", True)


async def test_a_running_process_hears_within_seconds_what_another_found(place: Place) -> None:
    client, sick = place.client(answer("fine"))
    async with client:
        assert (await client.complete("hi")).provider == "sick"
        await place.closes()
        place.clock.advance(FRESH + 0.1)
        assert (await client.complete("hi")).provider == "well"
        assert len(sick.backend.calls) == 1


async def test_failures_in_a_row_are_counted_across_processes_and_it_stays_away_for_longer(place: Place) -> None:
    """Once its time has come, one process tests it; then it is left for half a minute more."""
    for _ in range(FAILURES - 1):
        assert await place.asks(down()) == (1, "well")
        place.clock.advance(0.01)
    for wait in (30.0, 60.0, 90.0, 120.0):
        assert await place.asks(down()) == (1, "well")
        place.clock.advance(wait - 0.1)
        assert await place.asks(down()) == (0, "well"), f"it was asked within {wait} s"
        place.clock.advance(0.2)
    (told,) = await place.troubles()
    assert told.failures == 8


async def test_who_finds_it_well_again_opens_it_for_all_and_the_count_begins_anew(place: Place) -> None:
    await place.closes()
    place.clock.advance(30.1)
    assert await place.asks(answer("well again")) == (1, "sick")
    assert await place.troubles() == []
    assert await place.asks(down()) == (1, "well")
    assert [one.failures for one in await place.troubles()] == [1]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_that_answers_well_again_is_open_for_all_at_once(place: Place, streamed: bool) -> None:
    """Its process told so with its next request only, and a command sends one."""
    await place.closes(down("upstream", 500))
    place.clock.advance(30.1)
    client, _ = place.client(answer("well again"))
    async with client:
        if streamed:
            async with client.stream("hi") as stream:
                async for _ in stream:
                    pass
        else:
            assert (await client.complete("hi")).provider == "sick"
    assert await place.troubles() == []


async def test_a_stream_that_began_opens_it_for_all(place: Place) -> None:
    await place.closes()
    place.clock.advance(30.1)
    client, _ = place.client(answer("well again"))
    async with client:
        async with client.stream("hi") as stream:
            async for _ in stream:
                pass
    assert await place.troubles() == []


async def test_what_a_person_opened_is_asked_again_by_running_processes_too(place: Place) -> None:
    """They had closed it themselves, and nobody could tell them."""
    client, sick = place.client(AuthError("no", provider="sick", status=401), answer("fine"))
    async with client:
        assert (await client.complete("hi")).provider == "well"
        (bucket,) = [name for name, one in (await client.ledger.closed()).items() if one.failures]
        other, _ = place.client()
        async with other:
            await other.ledger.reopen([bucket], "ann", "it is paid")
        place.clock.advance(FRESH + 0.1)
        assert (await client.complete("hi")).provider == "sick"
    assert len(sick.backend.calls) == 2


async def test_a_refused_key_is_left_by_the_next_process_until_it_is_changed(place: Place) -> None:
    """It goes by a fingerprint: nothing of the key is in the ledger."""
    refused = AuthError("no", provider="sick", status=401)
    assert await place.asks(refused) == (1, "well")
    assert await place.asks(refused) == (0, "well")
    (told,) = await place.troubles()
    assert place.key["SICK_KEY"][-6:] not in str(told)
    client, _ = place.client(alone=True)
    async with client:
        with pytest.raises(Exhausted) as caught:
            await client.complete("hi")
    assert caught.value.hint == "put another key into the variable SICK_KEY, which wins over a stored one"
    place.key["SICK_KEY"] = "sk-second-0123456789"
    assert await place.asks(answer("fine")) == (1, "sick")
    place.key["SICK_KEY"] = "sk-first-0123456789"
    assert await place.asks(refused) == (0, "well"), "the other key is as refused as before"


async def test_a_model_in_trouble_closes_the_model_and_not_its_provider(place: Place) -> None:
    await place.closes(down("upstream", 500))
    assert await place.asks(answer("fine")) == (0, "well")
    (told,) = await place.troubles()
    assert told.bucket == "sick|model:m|trouble"


@pytest.mark.parametrize("error", [RateLimited("slow", provider="sick", status=429)])
async def test_limits_are_told_by_the_ledgers_own_blocks_alone(place: Place, error: ShunpikeError) -> None:
    await place.asks(error)
    assert await place.troubles() == []


async def test_with_nobody_else_a_process_says_what_another_found_and_when_it_asks_again(place: Place) -> None:
    client, _ = place.client(down(), alone=True)
    async with client:
        for _ in range(FAILURES):
            with pytest.raises(Exhausted):
                await client.complete("hi", wait=False)
    later, sick = place.client(answer("fine"), alone=True)
    async with later:
        with pytest.raises(Exhausted, match="connection: refused"):
            await later.complete("hi", wait=False)
        assert sick.backend.calls == []
        place.clock.advance(27)
        assert (await later.complete("hi", timeout=5)).provider == "sick", "it is waited for, as in one process"


async def test_what_is_healthy_costs_no_further_look_at_the_store(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    closed = SqliteStore.closed

    async def counted(store: SqliteStore, now: float) -> Any:
        looks.append(now)
        return await closed(store, now)

    monkeypatch.setattr(SqliteStore, "closed", counted)
    client, _ = place.client(answer("fine"))
    async with client:
        for _ in range(20):
            await client.complete("hi")
    assert len(looks) == 1


async def test_a_moment_that_was_named_is_kept_to_after_the_others_were_told_to_ask_again(tmp_path: Path) -> None:
    """What time took from the ledger was opened by nobody."""
    place = Place(tmp_path)
    late = down("overloaded", 503)
    late.retry_at = NOON + 6 * 3_600
    client, sick = place.client(late)
    async with client:
        for seconds in (0.0, 2_150.0, 2_150.0):
            place.clock.advance(seconds)
            done = await client.complete("hi", timeout=3)
            assert done.provider == "well"
    assert len(sick.backend.calls) == 1
