"""A custom OpenAI-compatible endpoint: a server at home or at work, a company's proxy.

Nothing of the plugin that lends its name holds here: not its key, its catalog, its limits or its dialect. What such
servers have in common is sent; what they refuse, they say.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from shunpike.types import ProviderInfo, ProviderSettings
from shunpike.wire.address import check_base_url, is_keyed
from shunpike.wire.dialect import Dialect, Sentence
from shunpike.wire.embeddings import EmbeddingBackend
from shunpike.wire.versions import VersionSeekingHttp

COMMON = Dialect(
    # The older name is the one that all of them know.
    max_tokens_name="max_tokens",
    # Chat templates know no developer.
    roles={"developer": "system"},
    # Nothing is billed at all.
    cancel_safe=True,
    # What such a server can is only assumed: that it refuses says nothing about the request elsewhere.
    statuses={400: "unsupported", 422: "unsupported"},
    codes={"exceed_context_size_error": "context_overflow", "not_supported_error": "unsupported"},
    # vLLM, llama.cpp (of old with 500), LM Studio, TGI: sources and issue trackers, 2024-05 to 2026-09.
    sentences=(
        Sentence(
            status=(400, 413, 422, 500),
            words=re.compile(
                r"(?i)maximum context length|available context size|context length of only|max_new_tokens` must be <="
            ),
            kind="context_overflow",
        ),
        Sentence(
            status=(404, 500), words=re.compile(r"(?i)does not support|not supported|requires? --"), kind="unsupported"
        ),
    ),
)


class OwnBackend(EmbeddingBackend):
    """Any server that speaks the common language, at an address that may lack its version."""

    http_class = VersionSeekingHttp


def own_backend(info: ProviderInfo, settings: ProviderSettings) -> OwnBackend:
    """Return a backend for ``settings.base_url``; messages name it by its address, as no provider is behind it.

    A key is sent only if the settings hold one. Raises `ConfigError` for an address that can't be used, and for plain
    http beyond this machine and private networks.
    """
    allow_http = settings.options.get("allow_http", False) is True
    keyed = is_keyed(settings.key.get_secret_value() if settings.key else None, settings.headers)
    checked = check_base_url(settings.base_url or info.base_url, allow_http=allow_http, keyed=keyed)
    address = urlsplit(checked).netloc
    own = info.model_copy(update={"id": address, "title": address, "env_key": None, "key_url": None})
    return OwnBackend(own, settings, COMMON)
