"""Each event that is declared is sent, with what its class promises."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, RateLimited, RequestError
from shunpike.hookspecs import hookimpl
from shunpike.types import (
    AdmissionDenied,
    AttemptEnded,
    AttemptStarted,
    Event,
    Limit,
    Money,
    PluginBroken,
    RequestEnded,
    RequestStarted,
    Rolling,
    Unit,
)
from shunpike.types.events import EVENTS
from shunpike_testkit.scripted import Observer, ScriptedProvider, answer

from .plugged import client

MINUTE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
OF_ANOTHER_PROCESS = {"attempts.recovered"}
"""Sent where one has died: see ``tests/unit/ledger/test_recovered.py``."""


class Wrong:
    """An observer that can't bear anything."""

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        raise OSError("disk full")


async def heard(*providers: ScriptedProvider, times: int = 1, more: Any = None, **options: Any) -> list[Event]:
    """Return what is told of so many requests."""
    watcher = Observer()
    opened: Client = client(*providers, more={**(more or {}), "watcher": watcher})
    async with opened:
        for _ in range(times):
            with contextlib.suppress(Exhausted, RequestError):
                await opened.complete("hello", **options)
    return watcher.events


async def everything() -> list[Event]:
    """Return what is told of requests that end in every way."""
    down, wrong = Overloaded("down", provider="down"), RequestError("no such field", provider="wrong")
    slow = RateLimited("slow down", provider="slow", status=429)
    slow.retry_at = 1e10
    billed = answer().model_copy(update={"stated_cost": Money.usd("0.5")})
    return [
        *await heard(ScriptedProvider("down", down), ScriptedProvider("fine"), more={"wrong": Wrong()}),
        *await heard(ScriptedProvider("full", limits=(MINUTE,)), times=2),
        *await heard(ScriptedProvider("slow", slow, limits=(MINUTE,)), wait=False),
        *await heard(ScriptedProvider("wrong", wrong)),
        *await heard(ScriptedProvider("billed", billed, limits=(MINUTE,))),
    ]


async def test_each_event_that_is_declared_is_sent() -> None:
    """Four of ten never were."""
    names = {kind.model_fields["name"].default for kind in EVENTS}

    assert {one.name for one in await everything()} | OF_ANOTHER_PROCESS == names


async def test_each_request_and_each_attempt_starts_once_and_ends_once() -> None:
    told = await everything()
    for started, ended in ((RequestStarted, RequestEnded), (AttemptStarted, AttemptEnded)):
        key = "request_id" if started is RequestStarted else "attempt_id"
        begun = [getattr(one, key) for one in told if isinstance(one, started)]
        over = [getattr(one, key) for one in told if isinstance(one, ended)]

        assert sorted(begun) == sorted(over)
        assert len(set(begun)) == len(begun)


async def test_what_a_request_took_is_what_its_attempts_took() -> None:
    told = await heard(ScriptedProvider("down", Overloaded("down", provider="down")), ScriptedProvider("fine"))
    (over,) = [one for one in told if isinstance(one, RequestEnded)]
    tried = [one for one in told if isinstance(one, AttemptEnded)]

    assert (over.attempts, len(tried)) == (2, 2)
    assert over.usage.total_tokens == sum(one.usage.total_tokens for one in tried)
    assert over.cost == sum((one.cost for one in tried), Money())


async def test_who_was_denied_is_told_with_the_limit_and_when_it_opens() -> None:
    told = await heard(ScriptedProvider("full", limits=(MINUTE,)), times=2, wait=False)
    (denied,) = [one for one in told if isinstance(one, AdmissionDenied)]

    assert (denied.provider, denied.limit) == ("full", "limit 1 request / 60 s")
    assert denied.retry_at is not None


async def test_a_plugin_that_breaks_is_told_of_once_with_its_name() -> None:
    told = await heard(ScriptedProvider("fine"), times=2, more={"wrong": Wrong()})
    broken = [one for one in told if isinstance(one, PluginBroken)]

    assert [(one.plugin, one.what) for one in broken] == [("wrong", "shunpike_event")]
    assert "disk full" in broken[0].error


async def test_without_observers_no_event_is_even_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object) -> None:
        raise AssertionError("an event was made")

    monkeypatch.setattr(RequestStarted, "model_validate", made)
    async with client(ScriptedProvider("fine")) as opened:
        assert (await opened.complete("hello")).text == "fine"
