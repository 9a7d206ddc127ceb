"""What operators look at: whether the gateway lives, whether it is ready, and what it counted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Protocol

from shunpike.client import Client
from shunpike.errors import StoreError
from shunpike.patience import answered
from shunpike.types.limits import MONEY, Owner, Remaining, window_text
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.ops import families as of
from shunpike_gateway.ops import process
from shunpike_gateway.ops.http_events import HUNG_UP, HttpAnswered
from shunpike_gateway.ops.observer import EventCounter
from shunpike_gateway.ops.series import KIND, Series
from shunpike_gateway.ops.shared import Share
from shunpike_gateway.replies import HttpReply, json_reply

LOOK = 0.1
"""Seconds between two looks at how late the event loop is."""
PUBLISH = 1.0
"""Seconds after which other workers see what this one counted."""
PATIENCE = 2.0
"""Seconds that the store has to answer."""
LIMITS_FOR = 10.0
"""Seconds for which the limits that were read are told again."""
READY_FOR = 0.5
"""Seconds for which it is believed whether it is ready: anybody may ask, and the store is not there for that."""
_PICO = 1e12
_NO_STORE = {"cache-control": "no-store"}


class Serving(Protocol):
    """What is served now."""

    draining: bool
    running: int


class Operations:
    """Counts what happens at one client, and answers those who watch over it."""

    def __init__(self, client: Client, queued: Callable[[], int]) -> None:
        self._client = client
        self._queued = queued
        self._serving: Serving | None = None
        self.counted = Series(of.COUNTED)
        self._limits: tuple[float, Series] | None = None
        self._ready: tuple[float, list[str]] | None = None
        self.share: Share | None = None
        """Where other workers see what this one counted; None = it is alone."""
        known = {one.name for one in client.host.loaded}
        name = next(name for number in count(1) if (name := f"gateway metrics {number}") not in known)
        client.host.register(EventCounter(self.counted), name)

    def look_at(self, serving: Serving) -> None:
        """Tell of ``serving``."""
        self._serving = serving

    def join(self, share: Share) -> None:
        """Count on from what stood at this worker's place before, and let the others see it."""
        share.begin(self.counted)
        self.share = share

    def answered(self, call: HttpCall, seconds: float) -> None:
        """Tell observers and the log that ``call`` has ended."""
        if not call.logged:
            return
        (method, route), told = call.route, call.told
        self._client.host.emit(
            HttpAnswered(
                at=self._client.clock.now(),
                method=method,
                route=route,
                status=HUNG_UP if call.gone else call.status,
                seconds=seconds,
                peer=call.head.peer,
                client=call.head.caller.name,
                request_id=told.get("x-shunpike-request-id"),
                provider=told.get("x-shunpike-provider") or None,
                model=told.get("x-shunpike-model") or None,
            )
        )

    async def watch(self) -> None:
        """Look again and again how late the event loop is, until it is cancelled."""
        clock, looks = self._client.clock, round(PUBLISH / LOOK)
        for number in count(1):
            begun_mono = clock.monotonic()
            await clock.sleep(LOOK)
            self.counted.observe(of.LAG, max(0.0, clock.monotonic() - begun_mono - LOOK))
            if self.share is not None and number % looks == 0:
                self.share.publish(self.counted, self._looked_at(), clock.now())

    async def health(self, call: HttpCall) -> None:
        """Answer that it lives: it does so as long as the event loop turns, whatever providers and store do."""
        await _told(call, {"status": "ok"})

    async def ready(self, call: HttpCall) -> None:
        """Answer whether requests can be taken, and if not, why: 503."""
        why = await self._why_not()
        await _told(call, {"status": "unready", "why": why} if why else {"status": "ready"}, 503 if why else 200)

    async def _why_not(self) -> list[str]:
        now_mono = self._client.clock.monotonic()
        if self._ready is None or not 0 <= now_mono - self._ready[0] < READY_FOR:
            self._ready = now_mono, await self._missing()
        if self._serving is not None and self._serving.draining:
            return ["it is being stopped"]
        return self._ready[1]

    async def _missing(self) -> list[str]:
        client, why = self._client, []
        try:
            await answered(client.ledger.closed(), client.clock, PATIENCE)
        except StoreError:
            why.append("the store can't be read")
        if not client.runtime.targets.targets:
            why.append("there is no model that could be asked: no provider has a key, or all are switched off")
        return why

    async def metrics(self, call: HttpCall) -> None:
        """Tell what was counted, of all workers together, in Prometheus's text format."""
        total, now = Series((*of.COUNTED, *of.LOOKED_AT, *of.SHARED)), self._client.clock.now()
        if self.share is None:
            total.merge(self.counted.plain())
            total.merge(self._looked_at().plain())
            workers = 1
        else:
            self.share.publish(self.counted, self._looked_at(), now)
            workers = self.share.add_up(total, now)
        total.add(of.WORKERS, (), workers)
        total.merge((await self._shared()).plain())
        await call.write(HttpReply(200, total.exposition(), KIND, _NO_STORE))

    def _looked_at(self) -> Series:
        found = Series(of.LOOKED_AT)
        found.add(of.RUNNING, (), 0 if self._serving is None else self._serving.running)
        found.add(of.QUEUED, (), self._queued())
        found.add(of.CPU, (), process.cpu_seconds())
        for name, amount in ((of.MEMORY, process.resident_bytes()), (of.FILES, process.open_files())):
            if amount is not None:
                found.add(name, (), amount)
        return found

    async def _shared(self) -> Series:
        now_mono = self._client.clock.monotonic()
        if self._limits is None or not 0 <= now_mono - self._limits[0] < LIMITS_FOR:
            self._limits = now_mono, await self._limits_now()
        return self._limits[1]

    async def _limits_now(self) -> Series:
        found, seen = Series(of.SHARED), set[tuple[str, ...]]()
        try:
            rows = await answered(self._client.limits(), self._client.clock, PATIENCE)
        except StoreError:
            found.add(of.STORE_UP, (), 0)
            return found
        found.add(of.STORE_UP)
        for target, one in rows:
            labels = target.name, target.model.id, _name_of(one)
            if labels not in seen:
                seen.add(labels)
                scale = _PICO if one.limit.unit in MONEY else 1.0
                found.add(of.LIMIT, labels, one.limit.amount / scale)
                found.add(of.LIMIT_LEFT, labels, one.left / scale)
        return found


def _name_of(one: Remaining) -> str:
    """Return what it counts and in which window: not how much, which is learned and would make a new series."""
    whose = "" if one.owner is Owner.PROVIDER else f"{one.limit.source}: "
    return f"{whose}{one.limit.unit}{window_text(one.limit.window)}"


async def _told(call: HttpCall, value: dict[str, object], status: int = 200) -> None:
    reply = json_reply(value, status, _NO_STORE)
    await call.write(HttpReply(reply.status, b"", headers=_NO_STORE) if call.head.method == "HEAD" else reply)
