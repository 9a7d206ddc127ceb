"""A provider that answers when a test says so, on a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from shunpike.builtin.plugin import plugin as builtin
from shunpike.plugins import Host
from shunpike.types import Answer, Call, Chunk, GatewaySettings, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Pause:
    """Nothing comes for so many seconds."""

    seconds: float


def asking(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **more}


def content_of(events: Sequence[Any]) -> str:
    """All text of the chunks."""
    choices = [choice for one in events if one != "[DONE]" for choice in one.get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


class TimedBackend(ScriptedBackend):
    """Plays pauses, too; the first one of a stream comes before its beginning."""

    clock: VirtualClock

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        if isinstance(self._steps[0], Sequence) and self._steps[0] and isinstance(self._steps[0][0], Pause):
            step = [*self._steps[0]]
            await self.clock.sleep(step.pop(0).seconds)
            self._steps[0] = step
            if isinstance(step[0], Exception):
                self._steps[0] = step[0]
        async with super().stream(call) as chunks:
            yield chunks

    async def _play(self, chunks: Sequence[Any]) -> AsyncGenerator[Chunk, None]:
        for one in chunks:
            if isinstance(one, Pause):
                await self.clock.sleep(one.seconds)
                continue
            async for chunk in super()._play([one]):
                yield chunk

    async def complete(self, call: Call) -> Answer:
        step = self._steps[0]
        if isinstance(step, Pause):
            self._steps.popleft()
            await self.clock.sleep(step.seconds)
        return await super().complete(call)


class TimedProvider(ScriptedProvider):
    """A provider whose steps may be, or hold, pauses."""

    def __init__(self, name: str, *steps: Any, **facts: Any) -> None:
        super().__init__(name, **facts)
        if steps:
            self.backend = TimedBackend(steps)


def gateway_over(*providers: TimedProvider, clock: VirtualClock | None = None, **settings: Any) -> InProcessGateway:
    """A gateway over these providers alone, asked in this order."""
    clock = clock or VirtualClock()
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        if isinstance(provider.backend, TimedBackend):
            provider.backend.clock = clock
        host.register(provider, provider.name)
    table = {"store": "memory:", "gateway": GatewaySettings(port=0), **settings}
    return InProcessGateway(Settings.model_validate(table), host=host, clock=clock)
