"""LLM answers from many providers, free tiers first, never a surprise limit or bill.

The names below are the public interface; beside them `shunpike.wire` and the floors under it are for plugin authors.
They are imported when they are first used, so that a plugin that needs only `shunpike.wire` does not pay for a client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shunpike.client import Client, Options, Stream
    from shunpike.errors import (
        AuthError,
        BadAnswer,
        ConfigError,
        ConfigWarning,
        CreditsExhausted,
        DuplicateRequest,
        Exhausted,
        Interrupted,
        NoCredential,
        NotHere,
        Overloaded,
        PluginError,
        PromptTooLarge,
        ProviderError,
        QuotaExhausted,
        RateLimited,
        RequestError,
        ShunpikeError,
        StoreError,
        UnknownModel,
        UnknownProvider,
        UsageError,
    )
    from shunpike.hookspecs import hookimpl
    from shunpike.plugins import Host
    from shunpike.sync import ask, stream, stream_sync
    from shunpike.sync_client import SyncClient, SyncStream
    from shunpike.types import (
        ChatRequest,
        Chunk,
        Completion,
        Embedding,
        Message,
        Money,
        ProviderSettings,
        Settings,
        Usage,
    )

__version__ = "0.1.0"

_HOMES = {
    "shunpike.client": ("Client", "Options", "Stream"),
    "shunpike.errors": (
        "AuthError",
        "BadAnswer",
        "ConfigError",
        "ConfigWarning",
        "CreditsExhausted",
        "DuplicateRequest",
        "Exhausted",
        "Interrupted",
        "NoCredential",
        "NotHere",
        "Overloaded",
        "PluginError",
        "PromptTooLarge",
        "ProviderError",
        "QuotaExhausted",
        "RateLimited",
        "RequestError",
        "ShunpikeError",
        "StoreError",
        "UnknownModel",
        "UnknownProvider",
        "UsageError",
    ),
    "shunpike.hookspecs": ("hookimpl",),
    "shunpike.plugins": ("Host",),
    "shunpike.sync": ("ask", "stream", "stream_sync"),
    "shunpike.sync_client": ("SyncClient", "SyncStream"),
    "shunpike.types": (
        "ChatRequest",
        "Completion",
        "Embedding",
        "Message",
        "Money",
        "Chunk",
        "ProviderSettings",
        "Settings",
        "Usage",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AuthError",
    "BadAnswer",
    "ChatRequest",
    "Chunk",
    "Client",
    "Completion",
    "ConfigError",
    "ConfigWarning",
    "CreditsExhausted",
    "DuplicateRequest",
    "Embedding",
    "Exhausted",
    "Host",
    "Interrupted",
    "Message",
    "Money",
    "NoCredential",
    "NotHere",
    "Options",
    "Overloaded",
    "PluginError",
    "PromptTooLarge",
    "ProviderError",
    "ProviderSettings",
    "QuotaExhausted",
    "RateLimited",
    "RequestError",
    "Settings",
    "ShunpikeError",
    "StoreError",
    "Stream",
    "SyncClient",
    "SyncStream",
    "UnknownModel",
    "UnknownProvider",
    "Usage",
    "UsageError",
    "ask",
    "hookimpl",
    "stream",
    "stream_sync",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'shunpike' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
