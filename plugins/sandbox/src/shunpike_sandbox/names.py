"""Who is emulated, and below which path."""

from __future__ import annotations

from collections.abc import Mapping

OWN = "sandbox"
"""The sandbox's own provider, which imitates nobody."""
PROVIDERS = ("google", "together", "groq", "openrouter", "hyperbolic", "openai", "deepseek")
BASE_PATHS: Mapping[str, str] = {
    "google": "/google",
    "groq": "/groq/openai/v1",
    "together": "/together/v1",
    "openrouter": "/openrouter/api/v1",
    "hyperbolic": "/hyperbolic/v1",
    "openai": "/openai/v1",
    "deepseek": "/deepseek",
    OWN: "/sandbox/v1",
}
