"""The client: the composition root, the only place that builds everything."""

from shunpike.client.client import Client
from shunpike.client.options import Options
from shunpike.client.status import ProviderStatus
from shunpike.client.stream import Stream

__all__ = ["Client", "Options", "ProviderStatus", "Stream"]
