"""All providers keep one contract."""

from __future__ import annotations

from shunpike_deepseek import plugin as deepseek
from shunpike_groq import plugin as groq
from shunpike_hyperbolic import plugin as hyperbolic
from shunpike_openai import plugin as openai
from shunpike_openrouter import plugin as openrouter
from shunpike_testkit.provider_contract import ProviderContract
from shunpike_together import plugin as together


class TestTogether(ProviderContract):
    plugin = together


class TestGroq(ProviderContract):
    plugin = groq


class TestOpenRouter(ProviderContract):
    plugin = openrouter


class TestHyperbolic(ProviderContract):
    plugin = hyperbolic


class TestOpenAI(ProviderContract):
    plugin = openai


class TestDeepSeek(ProviderContract):
    plugin = deepseek
