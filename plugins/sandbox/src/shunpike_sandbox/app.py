"""One ASGI application in which every provider has its prefix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from shunpike_sandbox import control
from shunpike_sandbox.bodies import TooLarge, read
from shunpike_sandbox.dialects.deepseek import DeepSeekService
from shunpike_sandbox.dialects.google import GoogleService
from shunpike_sandbox.dialects.google_compat import GoogleCompatService
from shunpike_sandbox.dialects.groq import GroqService
from shunpike_sandbox.dialects.hyperbolic import HyperbolicService
from shunpike_sandbox.dialects.openai import OpenAIService
from shunpike_sandbox.dialects.openrouter import OpenRouterService
from shunpike_sandbox.dialects.sandbox import SandboxService
from shunpike_sandbox.dialects.together import TogetherService
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.refusals import ErrorReply
from shunpike_sandbox.service import Service
from shunpike_sandbox.world import SimulatedWorld

_OPENROUTER = (
    "/key",
    "/auth/key",
    "/credits",
    "/generation",
    "/models/user",
    "/models/count",
    "/embeddings/models",
    "/model/{author}/{slug}",
)
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(world: SimulatedWorld) -> Router:
    """Return the application that shows ``world`` on the wire.

    It is a bare router: the error page of a whole Starlette application would answer where a fault hangs up.
    """
    compat = _openai_like(GoogleCompatService(world), f"{BASE_PATHS['google']}/v1beta/openai", embeds=True)
    return Router(routes=[*control.routes(world), *compat, *_google(GoogleService(world)), *_chats(world)])


def _chats(world: SimulatedWorld) -> list[BaseRoute]:
    routes: list[BaseRoute] = []
    for kind, embeds in (
        (GroqService, False),
        (HyperbolicService, False),
        (TogetherService, True),
        (OpenAIService, True),
        (SandboxService, True),
    ):
        service: Service = kind(world)
        routes += _openai_like(service, BASE_PATHS[service.provider_id], embeds=embeds)
        if kind is TogetherService:
            root = BASE_PATHS["together"].removesuffix("/v1")
            routes += [Route(f"{root}/v2/supported-models{one}", service.listing) for one in ("", "/{model}")]
    deepseek = DeepSeekService(world)
    for suffix in ("", "/v1", "/beta"):
        base = BASE_PATHS["deepseek"] + suffix
        routes += _openai_like(deepseek, base, embeds=False)
        routes.append(Route(f"{base}/user/balance", deepseek.listing))
    router = OpenRouterService(world)
    base = BASE_PATHS["openrouter"]
    routes += _openai_like(router, base, embeds=True)
    # Before the route that describes one model, which would take "user" for a name.
    own = [Route(base + path, router.listing) for path in _OPENROUTER]
    return [*own, *routes]


def _openai_like(service: Service, base: str, *, embeds: bool) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route(f"{base}/chat/completions", service.serve, methods=["POST"]),
        Route(f"{base}/models", service.listing),
        Route(f"{base}/models/{{model:path}}", service.listing),
    ]
    if embeds:
        embed = _named(partial(service.serve, operation="embeddings"))
        routes.append(Route(f"{base}/embeddings", embed, methods=["POST"]))
    return routes


def _named(endpoint: Endpoint) -> Endpoint:
    """Return a plain coroutine function: Starlette takes any other callable for an ASGI application."""

    async def call(request: Request) -> Response:
        return await endpoint(request)

    return call


def _google(service: GoogleService) -> list[BaseRoute]:
    base = BASE_PATHS["google"] + "/{version}/models"

    async def act(request: Request) -> Response:
        if not request.path_params["call"].endswith(":countTokens"):
            return await service.serve(request)
        try:
            reply = service.count_tokens(request, await read(request))
        except TooLarge:
            reply = service.plain(service.too_large())
        except ErrorReply as refusal:
            reply = service.plain(refusal)
        return reply  # type: ignore[return-value]  # Starlette calls any ASGI application that it is given

    return [
        Route(base, service.listing),
        Route(f"{base}/{{name}}", service.listing, methods=["GET"]),
        Route(f"{base}/{{call}}", act, methods=["POST"]),
    ]
