"""Clients as people write them in an afternoon: they know the free models, and what a 429 is.

They talk to the same world and share no code with the library. Everywhere they speak the language of OpenAI, which
Google understands as well.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable
from random import Random

import httpx
from typing_extensions import override

from shunpike_sandbox.names import BASE_PATHS

from .hidden import FREE, TrueLimits
from .load import SimulatedAsk
from .week import KEYS, Stage

_OK, _TOO_MANY = 200, 429
_PATHS = {**BASE_PATHS, "google": "/google/v1beta/openai"}


class NaiveClient:
    """Tries models in the order of its kind until one answers, each once."""

    def __init__(self, stage: Stage, seed: int = 5) -> None:
        self.clock = stage.clock
        self.chance = Random(seed)
        self._transport = stage.transport

    @abstractmethod
    def order(self) -> Iterable[TrueLimits]:
        """Return whom to ask, in order."""

    def refused(self, target: TrueLimits, status: int) -> None:
        """Take note of a refusal; here: don't."""

    async def ask(self, ask: SimulatedAsk, is_batch: bool, seconds: float) -> bool:
        """Return whether somebody answered."""
        del is_batch, seconds
        for target in self.order():
            status = await self._post(target, ask)
            if status == _OK:
                return True
            self.refused(target, status)
        return False

    async def _post(self, target: TrueLimits, ask: SimulatedAsk) -> int:
        body = {
            "model": target.model,
            "messages": [{"role": "user", "content": ask.prompt}],
            "max_tokens": ask.max_tokens,
        }
        request = httpx.Request(
            "POST",
            f"http://world.localhost{_PATHS[target.provider]}/chat/completions",
            headers={"authorization": f"Bearer {KEYS[target.provider]}", "content-type": "application/json"},
            content=json.dumps(body).encode(),
        )
        response = await self._transport.handle_async_request(request)
        await response.aread()
        return response.status_code


class FixedChain(NaiveClient):
    """Always the same order."""

    @override
    def order(self) -> Iterable[TrueLimits]:
        return FREE


class RoundRobin(NaiveClient):
    """Begins with the next one each time."""

    begin = 0

    @override
    def order(self) -> Iterable[TrueLimits]:
        self.begin = (self.begin + 1) % len(FREE)
        return (*FREE[self.begin :], *FREE[: self.begin])


class RandomWithCooldown(NaiveClient):
    """Any that did not refuse in the last minute."""

    COOLDOWN = 60.0

    def __init__(self, stage: Stage, seed: int = 5) -> None:
        super().__init__(stage, seed)
        self._until: dict[str, float] = {}

    @override
    def order(self) -> Iterable[TrueLimits]:
        now = self.clock.now()
        warm = [one for one in FREE if self._until.get(one.provider + one.model, 0.0) <= now]
        return self.chance.sample(warm, len(warm))

    @override
    def refused(self, target: TrueLimits, status: int) -> None:
        if status == _TOO_MANY:
            self._until[target.provider + target.model] = self.clock.now() + self.COOLDOWN


NAIVE: tuple[type[NaiveClient], ...] = (FixedChain, RoundRobin, RandomWithCooldown)
