"""A gateway on a port over the emulated providers, each with an account that is paid for, and the books of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anyio
from pydantic import SecretStr

from shunpike.cli.demo_run import differences
from shunpike.plugins import Host
from shunpike.types import Budget, GatewaySettings, Limit, Money, ProviderSettings, Settings
from shunpike_sandbox.plugin import SandboxWorld
from shunpike_sandbox.world import SimulatedWorld

from ..running import RunningGateway  # noqa: TID252 - the tests are no package

TIERS = {"google": "paid", "groq": "paid", "hyperbolic": "paid", "openrouter": "funded"}
"""Providers whose default tier is the free one, which a client's session would soon use up."""


class EmulatedGateway:
    """Where clients ask, and the providers behind it."""

    def __init__(self, settings: Settings, world: SimulatedWorld, provider_urls: dict[str, str]) -> None:
        self.world = world
        self.running = RunningGateway(settings)
        self.world_url = provider_urls["groq"].split("/groq")[0]

    @property
    def url(self) -> str:
        return self.running.url

    def differences(self) -> list[str]:
        """What the gateway's ledger and the providers' own books say differently."""
        ledger = anyio.run(self.running.usage)
        return differences(ledger, tuple(SandboxWorld(self.world).books()))


@contextmanager
def emulated(
    folder: Path, gateway: GatewaySettings | None = None, limits: Mapping[str, tuple[Limit, ...]] | None = None
) -> Iterator[EmulatedGateway]:
    """A gateway that listens, over a world of its own; its ledger is in ``folder``.

    ``limits`` are the operator's own, by the provider that they bound.
    """
    simulated = SimulatedWorld()
    world = SandboxWorld(simulated)
    endpoints = anyio.run(world.start)
    sections = {
        info.id: ProviderSettings(enabled=False)
        if info.id not in endpoints
        else ProviderSettings(
            base_url=endpoints[info.id].base_url,
            key=SecretStr(f"sandbox-paid-{info.id}"),
            tier=TIERS.get(info.id),
            options={"send_attempt_id": True},
            limits=(limits or {}).get(info.id, ()),
        )
        for info in Host.load().providers()
    }
    settings = Settings(
        store=f"sqlite:{folder}/ledger.db",
        allow_paid=True,
        budgets=(Budget(amount=Money.usd("100"), period="lifetime"),),
        providers=sections,
        gateway=gateway or GatewaySettings(port=0),
    )
    try:
        found = EmulatedGateway(settings, simulated, {name: one.base_url for name, one in endpoints.items()})
        with found.running:
            yield found
    finally:
        anyio.run(world.aclose)
