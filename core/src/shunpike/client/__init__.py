"""The client: one OpenAI-shaped interface over the runtime."""

from shunpike.client.client import Client
from shunpike.client.embed import EmbedOptions
from shunpike.client.options import Options
from shunpike.client.stream import Stream
from shunpike.runtime.account_queries import AccountBalance, TokenCount
from shunpike.runtime.accounts import OWN
from shunpike.runtime.endpoints import SOURCE
from shunpike.runtime.health_report import AccountHealth, PlaceHealth
from shunpike.runtime.live import LiveList, LiveRow, Where
from shunpike.runtime.status import ProviderStatus

__all__ = [
    "OWN",
    "SOURCE",
    "AccountBalance",
    "AccountHealth",
    "Client",
    "EmbedOptions",
    "LiveList",
    "LiveRow",
    "Options",
    "PlaceHealth",
    "ProviderStatus",
    "Stream",
    "TokenCount",
    "Where",
]
