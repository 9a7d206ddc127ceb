"""The client: the composition root, the only place that builds everything."""

from shunpike.client.accounts import OWN
from shunpike.client.client import Client
from shunpike.client.embed import EmbedOptions
from shunpike.client.endpoints import SOURCE
from shunpike.client.inquiry import AccountBalance, TokenCount
from shunpike.client.live import LiveList, LiveRow, Where
from shunpike.client.options import Options
from shunpike.client.status import ProviderStatus
from shunpike.client.stream import Stream

__all__ = [
    "OWN",
    "SOURCE",
    "AccountBalance",
    "Client",
    "EmbedOptions",
    "LiveList",
    "LiveRow",
    "Options",
    "ProviderStatus",
    "Stream",
    "TokenCount",
    "Where",
]
