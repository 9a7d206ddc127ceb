"""All that the gateway answers: the routes of all its parts over one client."""

from __future__ import annotations

import math
from collections.abc import Mapping

from shunpike.client import Client
from shunpike.config import Loaded
from shunpike.types import GatewaySettings
from shunpike_gateway.admin import admin_routes
from shunpike_gateway.auth import Doorkeeper
from shunpike_gateway.chat import ChatDialect
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect
from shunpike_gateway.guards import HostCheck, OriginCheck, RequestQueue
from shunpike_gateway.messages import MessagesDialect
from shunpike_gateway.models import ModelList
from shunpike_gateway.mounts import mounted_routes
from shunpike_gateway.ops import Operations, operations_routes
from shunpike_gateway.relay import Relay
from shunpike_gateway.replies import HttpReply, json_reply
from shunpike_gateway.responses import KeptResponses, ResponsesDialect, response_routes
from shunpike_gateway.routes import ApiRoute, Endpoint, RouteTable

CHAT = ChatDialect()
MESSAGES = MessagesDialect()
_PATIENCE = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Headers in which official SDKs say for how many seconds they wait."""


class Surface:
    """What the parts of the gateway share, and the routes that they make of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        settings = self.settings = client.settings.gateway
        self.hosts = HostCheck(settings.host, settings.hosts)
        self.origins = OriginCheck(settings.origins)
        self.admission = RequestQueue(settings.concurrency, settings.queue, client.clock)
        self.relay = Relay(client, settings)
        self.models = ModelList(client)
        self.doorkeeper = Doorkeeper(client)
        self.responses = ResponsesDialect()
        self._kept = KeptResponses(client.clock)
        self._keep_responses(settings)
        self.operations = Operations(client, lambda: self.admission.waiting)
        own = self._own_routes()
        self._mounted = mounted_routes(client, own, CHAT)
        self.routes = RouteTable((*own, *self._mounted))

    def _own_routes(self) -> tuple[ApiRoute, ...]:
        watched = operations_routes(self.client, self.operations, self.settings.metrics, CHAT)
        return (*_probes(), *watched, *self._dialects(), *admin_routes(self.client, CHAT))

    def _dialects(self) -> tuple[ApiRoute, ...]:
        chat = ChatDialect(self.responses)
        return (
            ApiRoute("POST", "/v1/chat/completions", self.asks(chat), chat),
            ApiRoute("GET", "/v1/models", self.models.all, CHAT),
            ApiRoute("GET", "/v1/models/*", self.models.one, CHAT),
            ApiRoute("POST", "/v1/messages", self.asks(MESSAGES), MESSAGES),
            ApiRoute("POST", "/v1/messages/count_tokens", self._count_tokens, MESSAGES),
            *response_routes(self.responses, self.asks(self.responses), self.relay.counted),
        )

    def _keep_responses(self, settings: GatewaySettings) -> None:
        # Another process would know nothing of an answer that this one keeps.
        self.responses.kept = self._kept if settings.store_responses and settings.workers == 1 else None

    def asks(self, dialect: ApiDialect) -> Endpoint:
        """Return the endpoint that runs what is asked in ``dialect``."""

        async def endpoint(call: HttpCall) -> None:
            await call.load()
            async with call.watched(), self.admission.turn(self._patience(call)):
                await self.relay.run(call, dialect)

        return endpoint

    async def _count_tokens(self, call: HttpCall) -> None:
        await call.write(json_reply(MESSAGES.count(await self.relay.counted(call, MESSAGES))))

    def _patience(self, call: HttpCall) -> float:
        """Return the seconds after which nobody waits for an answer any more."""
        return min(self.client.settings.timeout, patience_of(call.head.headers))

    def apply(self, found: Loaded) -> None:
        """Go by other settings from the next request on; where it listens and how many processes do so stays.

        Raises `ConfigError`, and then everything stays as it was.
        """
        admin = self.doorkeeper.admin_digest()
        self.client.apply(found)
        stays = {name: getattr(self.settings, name) for name in ("host", "port", "workers")}
        settings = self.settings = found.settings.gateway.model_copy(update=stays)
        self.doorkeeper.apply(settings, admin)
        self.hosts = HostCheck(settings.host, settings.hosts)
        self.origins = OriginCheck(settings.origins)
        self.routes = RouteTable((*self._own_routes(), *self._mounted))
        self._keep_responses(settings)
        self.admission.concurrency, self.admission.queue = settings.concurrency, settings.queue
        self.relay.settings = settings
        self.relay.replay.seconds = settings.replay_memory


def patience_of(headers: Mapping[str, str]) -> float:
    """Return the seconds that a client says it waits for an answer; infinite where it says nothing."""
    said = (headers.get(name, "") for name in _PATIENCE)
    found = [float(text) for text in said if len(text) < 12 and text.replace(".", "", 1).isdecimal()]
    return min(found, default=math.inf)


def _probes() -> tuple[ApiRoute, ...]:
    """Return what clients ask to see whether anybody is there."""
    paths = (("HEAD", "/"), ("GET", "/api/hello"), ("HEAD", "/api/hello"), ("POST", "/api/event_logging/batch"))
    return tuple(ApiRoute(method, path, _nothing, CHAT, access="open", logged=False) for method, path in paths)


async def _nothing(call: HttpCall) -> None:
    await call.write(HttpReply(200, b"{}" if call.head.method != "HEAD" else b""))
