"""Whether the gateway lives, whether it is ready, and what it says that it counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shunpike.errors import StoreError
from shunpike.types import GatewaySettings, Limit, ProviderSettings, Rolling, Settings, Unit
from shunpike_gateway.ops.operations import LIMITS_FOR, READY_FOR
from shunpike_gateway.ops.shared import Share
from shunpike_testkit.clock import VirtualClock

from ..running import AsgiAnswer, InProcessGateway  # noqa: TID252 - the tests are no package

pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"
HELLO = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(answer: AsgiAnswer) -> Samples:
    assert answer.status == 200, answer.body
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(answer.body.decode())
        for one in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    """The sum of the samples of that name with these labels."""
    return sum(value for (its, pairs), value in found.items() if its == name and frozenset(labels.items()) <= pairs)


async def metrics(gateway: InProcessGateway) -> Samples:
    return samples(await gateway.get("/metrics"))


async def test_it_lives_and_is_ready(gateway: InProcessGateway) -> None:
    for path, state in (("/health", "ok"), ("/ready", "ready")):
        answer = await gateway.get(path)
        assert (answer.status, answer.json()) == (200, {"status": state})
        assert answer.headers["cache-control"] == "no-store"
        head = await gateway.call("HEAD", path).whole()
        assert (head.status, head.body) == (200, b"")


async def test_it_lives_but_is_not_ready_without_its_store(gateway: InProcessGateway) -> None:
    async def broken(now: float) -> None:
        raise StoreError("the disk is gone")

    gateway.client.runtime.store.closed = broken  # type: ignore[method-assign, assignment]
    answer = await gateway.get("/ready")
    assert (answer.status, answer.json()["why"]) == (503, ["the store can't be read"])
    assert (await gateway.get("/health")).status == 200
    assert (await metrics(gateway))["shunpike_store_up", frozenset()] == 0


async def test_it_is_not_ready_where_nobody_could_be_asked(settings: Settings) -> None:
    nobody = {name: ProviderSettings(enabled=False) for name in (*settings.providers, "sandbox")}
    async with InProcessGateway(settings.model_copy(update={"providers": nobody})) as gateway:
        answer = await gateway.get("/ready")
    assert answer.status == 503
    assert "no model" in answer.json()["why"][0]


async def test_it_is_not_ready_while_it_is_being_stopped(gateway: InProcessGateway) -> None:
    assert (await gateway.get("/ready")).status == 200
    gateway.app.draining = True
    assert (await gateway.get("/ready")).json()["why"] == ["it is being stopped"]
    assert (await gateway.get("/health")).status == 200


async def test_what_anybody_may_ask_does_not_ask_the_store_each_time(settings: Settings) -> None:
    clock = VirtualClock()
    async with InProcessGateway(settings, clock=clock) as gateway:
        asked, real = 0, gateway.client.runtime.store.closed

        async def counting(now: float) -> object:
            nonlocal asked
            asked += 1
            return await real(now)

        gateway.client.runtime.store.closed = counting  # type: ignore[method-assign, assignment]
        for _ in range(20):
            await gateway.get("/ready")
        assert asked == 1
        clock.advance(READY_FOR)
        await gateway.get("/ready")
        assert asked == 2


async def test_requests_attempts_tokens_and_seconds_are_counted(gateway: InProcessGateway) -> None:
    for stream in (False, True, True):
        assert (await gateway.post(CHAT, {**HELLO, "stream": stream})).status == 200
    assert (await gateway.post(CHAT, {"model": 7})).status == 400
    assert (await gateway.get("/v1/there/is/nothing")).status == 404
    found = await metrics(gateway)
    http = "shunpike_http_requests_total"
    assert value(found, http, route=CHAT, method="POST", status="200") == 3
    assert value(found, http, route=CHAT, status="400") == 1
    assert value(found, http, route="none", status="404") == 1
    assert value(found, "shunpike_http_request_duration_seconds_count", route=CHAT) == 4
    assert value(found, "shunpike_requests_total", outcome="answered") == 3
    assert value(found, "shunpike_attempts_total", provider="sandbox", outcome="ok") == 3
    assert value(found, "shunpike_attempt_first_token_seconds_count", provider="sandbox") == 2
    assert value(found, "shunpike_tokens_total", provider="sandbox", kind="input") > 0
    assert value(found, "shunpike_tokens_total", provider="sandbox", kind="output") > 0
    assert value(found, "shunpike_workers") == 1
    assert value(found, "process_resident_memory_bytes") > 10_000_000
    assert value(found, "process_cpu_seconds_total") > 0
    assert value(found, "shunpike_http_requests_running") <= 1


async def test_probes_and_those_who_watch_are_not_counted(gateway: InProcessGateway) -> None:
    for path in ("/health", "/ready", "/metrics", "/api/hello"):
        await gateway.get(path)
    assert value(await metrics(gateway), "shunpike_http_requests_total") == 0


async def test_who_hung_up_is_counted_as_such(gateway: InProcessGateway) -> None:
    begun = asyncio.Event()

    async def endless(call: object, dialect: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    gateway.surface.relay.run = endless  # type: ignore[method-assign, assignment]
    call = gateway.call("POST", CHAT, HELLO)
    await begun.wait()
    assert value(await metrics(gateway), "shunpike_http_requests_running") == 2  # the one that asks is one itself
    call.hang_up()
    await call.whole()
    assert value(await metrics(gateway), "shunpike_http_requests_total", route=CHAT, status="499") == 1


async def test_nothing_that_a_client_names_becomes_a_label(gateway: InProcessGateway) -> None:
    marked = {**HELLO, "model": "canary-model", "user": "canary-user", "metadata": {"tag": "canary-tag"}}
    await gateway.post(CHAT, marked, {"x-request-id": "canary-header"})
    await gateway.get("/canary-path?canary=query")
    assert b"canary" not in (await gateway.get("/metrics")).body


async def test_limits_are_told_with_what_is_left_of_them(settings: Settings) -> None:
    limited = ProviderSettings(limits=(Limit(unit=Unit.REQUEST, amount=10, window=Rolling(seconds=3600)),))
    bounded = settings.model_copy(update={"providers": {**settings.providers, "sandbox": limited}})
    clock = VirtualClock()
    async with InProcessGateway(bounded, clock=clock) as gateway:
        assert (
            value(await metrics(gateway), "shunpike_limit_left", model="sandbox/echo-1", limit="request / 3600 s") == 10
        )
        await gateway.post(CHAT, HELLO)
        clock.advance(LIMITS_FOR)
        found = await metrics(gateway)
    assert value(found, "shunpike_limit", model="sandbox/echo-1", limit="request / 3600 s") == 10
    assert value(found, "shunpike_limit_left", model="sandbox/echo-1", limit="request / 3600 s") == 9
    assert found["shunpike_store_up", frozenset()] == 1


async def test_how_late_the_event_loop_is_shows(gateway: InProcessGateway) -> None:
    watching = asyncio.create_task(gateway.surface.operations.watch())
    async with asyncio.timeout(60):
        while not value(found := await metrics(gateway), "shunpike_event_loop_lag_seconds_count"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    assert value(found, "shunpike_event_loop_lag_seconds_sum") >= 0


async def test_each_worker_tells_of_all(settings: Settings, tmp_path: Path) -> None:
    async with InProcessGateway(settings) as one, InProcessGateway(settings) as two:
        one.surface.operations.join(Share(tmp_path / "0.json"))
        two.surface.operations.join(Share(tmp_path / "1.json"))
        await two.get("/metrics")
        for gateway in (one, two, two):
            await gateway.post(CHAT, HELLO)
        await two.get("/metrics")  # what the second one counted is there from now on
        told = [await metrics(one), await metrics(two), await metrics(one)]
    assert [value(found, "shunpike_requests_total", outcome="answered") for found in told] == [3, 3, 3]
    assert [value(found, "shunpike_workers") for found in told] == [2, 2, 2]


@pytest.mark.parametrize("access", ["admin", "client", "open"])
async def test_the_settings_say_who_may_read_what_was_counted(settings: Settings, access: str) -> None:
    chosen = settings.model_copy(update={"gateway": GatewaySettings.model_validate({"port": 0, "metrics": access})})
    async with InProcessGateway(chosen) as gateway:
        (route,) = (one for one in gateway.surface.routes.routes if one.path == "/metrics")
        assert route.access == access
