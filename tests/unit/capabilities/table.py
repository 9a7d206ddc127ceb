"""The table of which capabilities each provider has: what the code can do and the catalogs say, nothing by hand.

``python tests/unit/capabilities/table.py`` writes it into the README, between its markers.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shunpike.protocols import Backend, CountsTokens, Embeds, ListsModels, Streams, TellsBalance
from shunpike.types import ModelInfo, ProviderSettings

README = Path(__file__).resolve().parents[3] / "README.md"
MARKED = re.compile(r"(?<=<!-- capabilities:begin -->\n).*?(?=<!-- capabilities:end -->)", re.DOTALL)
PROVIDERS = ("google", "together", "openrouter", "groq", "hyperbolic", "openai", "deepseek")
PROTOCOLS: tuple[tuple[str, Any], ...] = (
    ("embeddings", Embeds),
    ("live list", ListsModels),
    ("token count", CountsTokens),
    ("balance", TellsBalance),
)
FEATURES = (("tools", "tools"), ("JSON", "json"), ("schema", "json_schema"), ("vision", "vision"))
HEADINGS = ("provider", "chat", "stream", *(name for name, _ in (*FEATURES, *PROTOCOLS)), "health")
YES, NO = "✓", "-"


def capability_table() -> str:
    """Return the table as Markdown."""
    lines = [HEADINGS, tuple("---" if place == 0 else ":---:" for place in range(len(HEADINGS)))]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*lines, *map(_row, PROVIDERS)])


def written(readme: str) -> str | None:
    """Return the table as it stands in ``readme``, None where there are no markers."""
    found = MARKED.search(readme)
    return found[0] if found else None


def _row(provider: str) -> tuple[str, ...]:
    plugin = import_module(f"shunpike_{provider}").plugin
    settings = ProviderSettings(key=SecretStr("k" * 20))
    backend = plugin.shunpike_completion(provider, settings)
    features = _features(plugin.models)
    can = (
        isinstance(backend, Backend),
        isinstance(backend, Streams),
        *(feature in features for _, feature in FEATURES),
        *(isinstance(backend, protocol) for _, protocol in PROTOCOLS),
        plugin.shunpike_health(provider, settings) is not None,
    )
    return (plugin.info.title, *(YES if one else NO for one in can))


def _features(models: tuple[ModelInfo, ...]) -> set[str]:
    """Return what any living model of the catalog can do; who follows a schema can also write plain JSON."""
    found = {feature for model in models if model.status != "retired" for feature in model.features}
    return found | {"json"} if "json_schema" in found else found


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(MARKED.sub(lambda _: capability_table(), text), encoding="utf-8")
