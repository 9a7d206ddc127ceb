"""What `Exhausted` says of the earliest moment is the truth, within a second: nobody before it, an answer at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, QuotaExhausted, RateLimited
from shunpike.plugins import Host
from shunpike.types import Limit, Settings, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START

WINDOWS = st.one_of(
    st.sampled_from([1.0, 7.5, 60.0, 3_600.0, 86_400.0]).map(lambda seconds: {"kind": "rolling", "seconds": seconds}),
    st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata"]).map(
        lambda zone: {"kind": "calendar", "period": "day", "zone": zone}
    ),
    st.just({"kind": "calendar", "period": "month", "zone": "UTC"}),
)
LIMITS = st.one_of(
    st.fixed_dictionaries({"unit": st.just("request"), "amount": st.integers(1, 4), "window": WINDOWS}),
    st.fixed_dictionaries({"unit": st.just("total_token"), "amount": st.integers(300, 900), "window": WINDOWS}),
    st.fixed_dictionaries({"unit": st.just("output_token"), "amount": st.integers(210, 600), "window": WINDOWS}),
)
PROVIDERS = st.lists(st.lists(LIMITS, min_size=1, max_size=3), min_size=1, max_size=3)
USED = Usage(prompt_tokens=60, completion_tokens=140)
ASK: dict[str, Any] = {"max_tokens": 200, "wait": False}


def client_of(*providers: ScriptedProvider, **options: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", **options})
    return Client(made, host=host, clock=VirtualClock(START), environ={})


async def told_by(client: Client) -> Exhausted:
    with pytest.raises(Exhausted) as caught:
        await client.complete("hello", **ASK)
    return caught.value


async def check_truth(client: Client) -> None:
    """Ask until nobody can answer, then look whether the moment that is told is the truth, again and again."""
    clock = client.clock
    error = None
    for _ in range(40):
        try:
            await client.complete("hello", **ASK)
        except Exhausted as exhausted:
            error = exhausted
            break
        await clock.sleep(0.01)
    assert error is not None
    listed = {one.provider for one in error.decision.candidates if one.retry_at is not None or one.cause is not None}
    assert listed == {one.provider for one in error.decision.candidates}, "each is listed with what blocks it"
    opens = error.retry_at
    assert opens is not None
    assert opens > clock.now()
    if opens - 1 > clock.now():
        await clock.sleep(opens - 1 - clock.now())
        again = await told_by(client)
        assert again.retry_at is not None
        assert abs(again.retry_at - opens) <= 1
    await clock.sleep(opens - clock.now() + 0.001)
    await client.complete("hello", **ASK)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(PROVIDERS)
def test_of_limits_of_many_kinds(limits: list[list[dict[str, Any]]]) -> None:
    """Each provider has several at once: the last of them opens it; the first of the providers opens the request."""

    async def run() -> None:
        providers = [
            ScriptedProvider(f"p{place}", answer(usage=USED), limits=tuple(Limit.model_validate(one) for one in own))
            for place, own in enumerate(limits)
        ]
        async with client_of(*providers) as client:
            await check_truth(client)

    anyio.run(run)


@settings(deadline=None, max_examples=12)
@given(st.floats(2, 600), st.floats(2, 4_000), st.sampled_from([RateLimited, QuotaExhausted]))
@example(30.0, 600.0, RateLimited)
def test_of_a_limit_that_a_provider_named_and_one_of_the_books(
    named: float, seconds: float, kind: type[RateLimited | QuotaExhausted]
) -> None:
    """What opens last is what counts, whichever is looked at first."""

    async def run() -> None:
        refusal = kind("slow down", provider="only", status=429)
        setattr(refusal, "retry_at" if kind is RateLimited else "reset_at", START + named)
        window = {"kind": "rolling", "seconds": seconds}
        limit = Limit.model_validate({"unit": "request", "amount": 1, "window": window})
        only = ScriptedProvider("only", refusal, answer(), limits=(limit,))
        async with client_of(only) as client:
            await check_truth(client)

    anyio.run(run)


@pytest.mark.parametrize("store", ["memory:", "sqlite:"])
async def test_of_several_slots_of_a_window_the_first_to_come_back_opens_it(store: str, tmp_path: Path) -> None:
    """Where a provider named an earlier moment, too, so that the limit is only looked at when the request ends."""
    refusal = RateLimited("slow down", provider="only", status=429)
    refusal.retry_at = START + 50.0
    limit = Limit.model_validate({"unit": "request", "amount": 2, "window": {"kind": "rolling", "seconds": 60}})
    only = ScriptedProvider("only", answer(), refusal, answer(), limits=(limit,))
    async with client_of(only, store=store if store == "memory:" else f"sqlite:{tmp_path}/ledger.db") as client:
        await client.complete("hello", **ASK)
        await client.clock.sleep(40)
        error = await told_by(client)
        assert error.retry_at == pytest.approx(START + 61.0, abs=1)
        await client.clock.sleep(error.retry_at - client.clock.now() + 0.001)
        await client.complete("hello", **ASK)


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 7), st.floats(1, 300))
def test_of_a_provider_in_trouble_beside_one_at_its_limit(failures: int, seconds: float) -> None:
    """Whichever can be asked first."""

    async def run() -> None:
        busy = Overloaded("busy", provider="sick", status=503)
        sick = ScriptedProvider("sick", *[busy] * 60)
        window = {"kind": "rolling", "seconds": seconds}
        limit = Limit.model_validate({"unit": "request", "amount": 1, "window": window})
        full = ScriptedProvider("full", answer(), limits=(limit,))
        async with client_of(sick, full) as client:
            for _ in range(failures):
                try:
                    await client.complete("hello", **ASK)
                except Exhausted:
                    break
            error = await told_by(client)
            assert error.retry_at is not None
            assert error.retry_at <= client.clock.now() + seconds + 1

    anyio.run(run)


async def test_a_ledger_that_hangs_is_looked_at_for_two_seconds_however_many_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = [RateLimited("slow down", provider="", status=429) for _ in range(8)]
    for one in closed:
        one.retry_at = START + 90.0
    providers = (ScriptedProvider(f"p{number}", one) for number, one in enumerate(closed))
    async with client_of(*providers, max_attempts=60) as client:

        async def hang(*_: object) -> None:
            await anyio.sleep_forever()

        monkeypatch.setattr(client.runtime.ledger, "foresee", hang)
        told = await told_by(client)
        assert client.clock.now() == START + 2.0
        assert told.retry_at == START + 90.0
