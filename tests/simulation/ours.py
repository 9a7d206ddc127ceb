"""Our client in a simulation, set up as its users would."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.plugins import Host
from shunpike.types import Pace, ProviderSettings, Settings
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS

from .hidden import MODELS
from .load import SimulatedAsk
from .week import KEYS, Stage

_VERSIONS = {"google": "/v1beta"}


def settings_for(transport: InProcess, **others: Any) -> Settings:
    """Return the settings of somebody with a key for each of the seven, who pays for nothing."""
    sections = {
        name: ProviderSettings(
            base_url=f"http://world.localhost{BASE_PATHS[name]}{_VERSIONS.get(name, '')}",
            key=SecretStr(KEYS[name]),
            models=models,
            transport=transport,
        )
        for name, models in MODELS.items()
    }
    return Settings(store="memory:", providers=sections, **others)


class OurClient:
    """Asks as a program of a user does."""

    def __init__(self, stage: Stage, **others: Any) -> None:
        settings = settings_for(stage.transport, pace=Pace(interactive_share="25%"), **others)
        self.client = Client(settings, host=Host.load(), clock=stage.clock, environ={})

    async def ask(self, ask: SimulatedAsk, is_batch: bool, seconds: float) -> bool:
        """Return whether it was answered in time."""
        options: Any = {"max_tokens": ask.max_tokens, "timeout": seconds}
        try:
            if ask.streamed:
                async with self.client.stream(ask.prompt, **options) as stream:
                    async for _ in stream:
                        pass
            else:
                await self.client.complete(ask.prompt, priority="batch" if is_batch else "interactive", **options)
        except Exhausted:
            return False
        return True
