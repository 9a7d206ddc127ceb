"""By which way an origin is reached: through which proxy, knowing it by which certificates."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from shunpike.types import ProviderSettings
from shunpike.wire.certificates import TrustedAuthorities, trusted
from shunpike.wire.proxies import Proxy, proxy_for
from shunpike.wire.slim_httpx import httpx


@dataclass(frozen=True, slots=True)
class Network:
    """What was chosen for one provider; what is None is found in the variables of ``environ``."""

    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @classmethod
    def of(cls, settings: ProviderSettings) -> Self:
        """Return what these settings choose; a variable that their client was not given is the process's own."""
        return cls(settings.proxy, settings.ca_file, ChainMap(settings.environ or {}, os.environ))

    def way_to(self, origin: httpx.URL) -> Way:
        """Return how ``origin`` is reached. Raises `ConfigError` for a proxy that can't be one."""
        return Way(proxy_for(origin, self.proxy, self.environ), trusted(self.ca_file, self.environ))


class Way(NamedTuple):
    """The way to one origin."""

    proxy: Proxy | None = None
    trusted: TrustedAuthorities = TrustedAuthorities()
