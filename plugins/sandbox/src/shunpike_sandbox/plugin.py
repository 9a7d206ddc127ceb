"""The only module that knows shunpike: the sandbox's own provider, and the world for demos and trials."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from shunpike.hookspecs import hookimpl
from shunpike.protocols import Backend, BookRow, Endpoint, HealthProbe
from shunpike.types import Limit, ModelInfo, Money, Price, PriceRow, ProviderInfo, ProviderSettings
from shunpike.types.provider import Billing, Tier
from shunpike.wire.embeddings import EmbeddingBackend
from shunpike.wire.probe import ModelsProbe
from shunpike_sandbox import faults
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.names import BASE_PATHS, OWN, PROVIDERS

if TYPE_CHECKING:
    import httpx

    from shunpike_sandbox.server import Running
    from shunpike_sandbox.world import SimulatedWorld

TIER = "free"
# The versions that a client's base URL includes, where the provider's own root does not.
_VERSIONS = {"google": "/v1beta"}
EARLY_FAULTS = (faults.OVERLOADED, faults.INTERNAL, faults.UPSTREAM, faults.STREAM_ERROR)
"""Troubles that come before the first content and are never billed: a client can tell what happened."""
_FEATURES = {"tools": "tools", "schema": "json_schema"}
# Never resolved: the transport below answers for it. `.localhost` is reserved for this machine.
_ADDRESS = "http://sandbox.localhost"


class SandboxWorld:
    """The seven providers on a loopback port, with their own books."""

    def __init__(self, world: SimulatedWorld | None = None) -> None:
        self._given = world
        self._running: Running | None = None

    @cached_property
    def _world(self) -> SimulatedWorld:
        return self._given or _late("world").SimulatedWorld()

    async def start(self) -> Mapping[str, Endpoint]:
        """Listen on a loopback port; return provider id → endpoint."""
        running = await anyio.to_thread.run_sync(self._start)
        return {
            name: Endpoint(base_url=running.base_url(name) + _VERSIONS.get(name, ""), key=f"sandbox-{name}")
            for name in PROVIDERS
        }

    def _start(self) -> Running:
        running: Running = self._running or _late("server").Running(self._world).start()
        self._running = running
        return running

    def set_faults(self, rate: float, seed: int) -> None:
        """Let this share of requests fail before their first content, in the provider's own manner."""
        self._world.set_faults(Faults(rate=rate, kinds=EARLY_FAULTS), seed)

    def books(self) -> Sequence[BookRow]:
        """Return what each provider recorded since the start."""
        books = self._world.books(attempts=False)
        return [_row(name, books[name]) for name in PROVIDERS]

    def serve(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """Serve in the foreground until interrupted; ``ready`` gets the base URL."""
        _late("server").serve(self._world, host, port, ready)

    async def aclose(self) -> None:
        """Stop listening."""
        running, self._running = self._running, None
        if running is not None:
            await anyio.to_thread.run_sync(running.stop)


class SandboxPlugin:
    """Answers the hooks. The catalog is read and the application built at the first question, not at import."""

    @cached_property
    def _catalog(self) -> dict[str, Any]:
        return tomllib.loads((files(__package__) / "own.toml").read_text("utf-8"))

    @cached_property
    def _transport(self) -> httpx.AsyncBaseTransport:
        app = _late("app").create_app(_late("world").SimulatedWorld())
        transport: httpx.AsyncBaseTransport = _late("inprocess").InProcess(app)
        return transport

    @cached_property
    def info(self) -> ProviderInfo:
        """The sandbox's own provider."""
        return ProviderInfo(
            id=OWN,
            title=self._catalog["providers"][OWN]["title"],
            base_url=_ADDRESS + BASE_PATHS[OWN],
            order=1000,
            default_tier=TIER,
            tiers=(Tier(name=TIER, billing=Billing.NONE, trains_on_prompts=False),),
            simulated=True,
            as_of=self._catalog["as_of"],
            source=self._catalog["source"],
        )

    @hookimpl
    def shunpike_providers(self) -> Sequence[ProviderInfo]:
        """The sandbox's own provider."""
        return [self.info]

    @hookimpl
    def shunpike_models(self, provider: str) -> Sequence[ModelInfo] | None:
        """Its models; None for another provider."""
        if provider != OWN:
            return None
        return [_model(row, self.info) for row in self._catalog["providers"][OWN]["models"]]

    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        """Return the backend that answers in process; None for another provider."""
        return self._backend(settings) if provider == OWN else None

    @hookimpl
    def shunpike_health(self, provider: str, settings: ProviderSettings) -> HealthProbe | None:
        """Return a probe that lists the models; None for another provider."""
        return ModelsProbe(self._backend(settings)) if provider == OWN else None

    @hookimpl
    def shunpike_cost(self, provider: str, model: ModelInfo, at: datetime, prompt_tokens: int) -> Price | None:
        """Nothing costs anything here; None for another provider."""
        del model, at, prompt_tokens
        return Price(prompt=0, completion=0) if provider == OWN else None

    @hookimpl
    def shunpike_limits(self, provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
        """Nothing is limited here; None for another provider."""
        del model
        return () if provider == OWN and tier == TIER else None

    @hookimpl
    def shunpike_world(self) -> SandboxWorld:
        """Return a fresh world: a demo's books start empty."""
        return SandboxWorld()

    def _backend(self, settings: ProviderSettings) -> EmbeddingBackend:
        if settings.transport is None and settings.base_url is None:
            settings = settings.model_copy(update={"transport": self._transport})
        return EmbeddingBackend(self.info, settings)


def _model(row: Mapping[str, Any], info: ProviderInfo) -> ModelInfo:
    features = {_FEATURES[name] for name in row.get("features", ())}
    return ModelInfo(
        provider=OWN,
        id=row["id"],
        kind=row.get("kind", "chat"),
        context=row["context"],
        max_output=row.get("max_output"),
        features=frozenset(features | {"json"} if features else features),
        prices=(PriceRow(prompt="0", completion="0"),),
        limits={TIER: ()},
        as_of=info.as_of,
        source=info.source,
    )


def _late(module: str) -> Any:
    """Load a module of this package when it is first needed: Starlette takes longer than a whole command may."""
    return import_module(f"shunpike_sandbox.{module}")


def _row(provider: str, books: Mapping[str, Any]) -> BookRow:
    refused = sum(books["refused"].values()) + books["dropped"] + books["failed"]
    return BookRow(
        provider=provider,
        received=books["requests"],
        answered=books["answered"],
        refused=refused,
        prompt_tokens=books["prompt_tokens"],
        completion_tokens=books["completion_tokens"],
        billed=Money(pico=books["billed_pico"]),
        credit=Money(pico=books["credit_pico"]),
        overages=books["overages"],
    )


plugin = SandboxPlugin()
