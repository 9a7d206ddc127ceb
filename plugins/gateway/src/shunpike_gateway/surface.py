"""All that the gateway answers: the routes of all its parts over one client."""

from __future__ import annotations

from shunpike.client import Client
from shunpike_gateway.auth import Doorkeeper
from shunpike_gateway.chat import ChatDialect
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect
from shunpike_gateway.relay import Relay
from shunpike_gateway.replies import HttpReply
from shunpike_gateway.routes import ApiRoute, Endpoint, RouteTable

CHAT = ChatDialect()


class Surface:
    """What the parts of the gateway share, and the routes that they make of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.settings = client.settings.gateway
        self.relay = Relay(client)
        self.doorkeeper = Doorkeeper(client)
        self.routes = RouteTable((*_probes(), *self._dialects()))

    def _dialects(self) -> tuple[ApiRoute, ...]:
        return (ApiRoute("POST", "/v1/chat/completions", self.asks(CHAT), CHAT),)

    def asks(self, dialect: ApiDialect) -> Endpoint:
        """Return the endpoint that runs what is asked in ``dialect``."""

        async def endpoint(call: HttpCall) -> None:
            await self.relay.run(call, dialect)

        return endpoint


def _probes() -> tuple[ApiRoute, ...]:
    """Return what clients ask to see whether anybody is there."""
    paths = (("HEAD", "/"), ("GET", "/api/hello"), ("HEAD", "/api/hello"), ("POST", "/api/event_logging/batch"))
    return tuple(ApiRoute(method, path, _nothing, CHAT, access="open", logged=False) for method, path in paths)


async def _nothing(call: HttpCall) -> None:
    await call.write(HttpReply(200, b"{}" if call.head.method != "HEAD" else b""))
