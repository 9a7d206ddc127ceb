"""All providers keep one contract; Google's dialect has a file of its own beside this one."""

from __future__ import annotations

from typing import Any, ClassVar

from shunpike.errors import CreditsExhausted, NotHere, Overloaded, QuotaExhausted
from shunpike_deepseek import plugin as deepseek
from shunpike_groq import plugin as groq
from shunpike_hyperbolic import plugin as hyperbolic
from shunpike_openai import plugin as openai
from shunpike_openrouter import plugin as openrouter
from shunpike_sandbox.plugin import plugin as sandbox
from shunpike_testkit.provider_contract import ProviderContract
from shunpike_together import plugin as together


def refused(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


class TestTogether(ProviderContract):
    plugin = together
    expected_failures: ClassVar = {
        "test_a_status_means_its_error[403]": "Together answers 403 to prompts that exceed the context, not to keys",
    }
    documented_refusals: ClassVar = {
        "a prompt beyond the context": (403, refused("too long", type="invalid_request_error"), NotHere),
    }


class TestGroq(ProviderContract):
    plugin = groq
    documented_refusals: ClassVar = {
        "a day's tokens": (
            429,
            refused("Rate limit reached on tokens per day (TPD): Limit 200000, Used 199000, Requested 3619."),
            QuotaExhausted,
        ),
        "larger than the limit": (
            413,
            refused("Request too large on tokens per minute (TPM): Limit 8000, Requested 9000."),
            NotHere,
        ),
    }


class TestOpenRouter(ProviderContract):
    plugin = openrouter
    documented_refusals: ClassVar = {
        "the provider behind is busy": (429, refused("busy", code=429, metadata={"provider_name": "X"}), Overloaded),
        "a day's free requests": (429, refused("Rate limit exceeded: free-models-per-day", code=429), QuotaExhausted),
    }


class TestHyperbolic(ProviderContract):
    plugin = hyperbolic


class TestOpenAI(ProviderContract):
    plugin = openai
    documented_refusals: ClassVar = {
        "an empty account": (429, refused("quota", type="insufficient_quota"), CreditsExhausted),
        "a retired model": (404, refused("gone", code="model_deprecated"), NotHere),
    }


class TestDeepSeek(ProviderContract):
    plugin = deepseek


class TestSandbox(ProviderContract):
    plugin = sandbox
    expected_failures: ClassVar = {"test_an_unknown_price_is_none": "nothing costs anything in the sandbox"}
