"""Finds the installed plugin of a provider and makes its backend."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from shunpike.hookspecs import ENTRY_POINT_GROUP
from shunpike.protocols import Backend
from shunpike.types import ProviderInfo, ProviderSettings

KEY = "test-key-0123456789abcdef"


def find_plugin(provider: str) -> tuple[Any, ProviderInfo] | None:
    """Return the plugin that brings ``provider``, with what it says of it; None where none is installed."""
    named = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda found: (found.name != provider, found.name))
    for found in named:
        plugin = found.load()
        tell = getattr(plugin, "shunpike_providers", None)
        for info in (tell() if tell is not None else None) or ():
            if info.id == provider:
                return plugin, info
    return None


def make_backend(provider: str, base_url: str, transport: Any, plugin: Any = None) -> Backend | None:
    """Return a backend of the provider's plugin that talks to ``base_url``; None where no plugin is installed."""
    found = find_plugin(provider)
    if found is None:
        return None
    known, info = found
    path = urlsplit(info.base_url).path.rstrip("/")
    settings = ProviderSettings(key=SecretStr(KEY), base_url=base_url + path, transport=transport)
    made: Backend | None = (plugin or known).shunpike_completion(provider=provider, settings=settings)
    return made
