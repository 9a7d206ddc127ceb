"""Plugins of other people: a provider of a few lines is found and used, a broken one breaks nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Made = Callable[..., Any]
"""A fixture that makes things, see conftest.py."""

BASE = ("shunpike", "shunpike-groq", "shunpike-sandbox")

PARROT = """
from datetime import date
from shunpike.hookspecs import hookimpl
from shunpike.types import Answer, Choice, Message, ModelInfo, ProviderInfo, Tier

SEEN = {"as_of": date(2026, 11, 22), "source": "its owner"}
FREE = Tier(name="free", billing="none")

class Parrot:
    async def complete(self, call):
        said = Message(role="assistant", content=call.request.messages[-1].text + "!")
        return Answer(model=call.model, choices=[Choice(message=said, finish_reason="stop")])
    async def aclose(self): pass
    @hookimpl
    def shunpike_providers(self):
        return [ProviderInfo(id="parrot", title="Parrot", base_url="-", default_tier="free", tiers=[FREE], **SEEN)]
    @hookimpl
    def shunpike_models(self, provider):
        return [ModelInfo(provider="parrot", id="polly", limits={"free": []}, **SEEN)] if provider == "parrot" else None
    @hookimpl
    def shunpike_completion(self, provider): return self if provider == "parrot" else None

plugin = Parrot()
"""

ACME_LINE = """
from shunpike.wire import OpenAICompatible

plugin = OpenAICompatible.of_package(__name__)
"""

ACME_DATA = """
as_of = 2026-11-22
source = "its owner"

[provider]
id = "acme"
title = "Acme"
env_key = "ACME_API_KEY"
base_url = "https://api.acme.example/v1"
default_tier = "free"

[tiers.free]
billing = "none"

[[models]]
id = "openai/gpt-oss-20b"
limits.free = [{ unit = "request", amount = 30, per = "60s" }]
"""

RAISING = "raise RuntimeError('the moon is full')"

ASYNCHRONOUS = """
from shunpike.hookspecs import hookimpl

class Hasty:
    @hookimpl
    async def shunpike_providers(self): return []

plugin = Hasty()
"""

MISSPELT = """
from shunpike.hookspecs import hookimpl

class Slip:
    @hookimpl
    def shunpike_provider(self): return []

plugin = Slip()
"""

BROKEN = {
    "moonstruck": (RAISING, "RuntimeError: the moon is full"),
    "hasty": (ASYNCHRONOUS, "shunpike_providers is async"),
    "slip": (MISSPELT, "there is no hook shunpike_provider"),
}


def test_providers_of_a_few_lines_or_of_data_alone_are_found_and_used(
    place: Made, stranger: Made, serving: Made
) -> None:
    assert len([line for line in PARROT.splitlines() if line]) <= 20
    there = place(*BASE, own=True)
    there.install(stranger("parrot", PARROT), stranger("acme", ACME_LINE, {"provider.toml": ACME_DATA}))

    rows = {row["name"]: row for row in json.loads(there.shunpike("providers", "--json").stdout)["data"]}
    assert (rows["parrot"]["version"], rows["parrot"]["state"]) == ("7.0", "ready")
    assert (rows["acme"]["env_key"], rows["acme"]["state"]) == ("ACME_API_KEY", "no key")
    assert json.loads(there.shunpike("models", "-p", "parrot", "--json").stdout)["data"][0]["id"] == "polly"

    named = there.shunpike("-p", "parrot", "hi")
    assert (named.returncode, named.stdout) == (0, "hi!\n"), named.stderr
    assert "parrot/polly" in named.stderr

    # The only real provider that is set up, so it is chosen without being named.
    chosen = there.shunpike("hello")
    assert (chosen.returncode, chosen.stdout) == (0, "hello!\n"), chosen.stderr

    refused = there.shunpike("-p", "acme", "hi")
    assert refused.returncode == 4
    assert "ACME_API_KEY" in refused.stderr

    address = f"{serving(there)}/groq/openai/v1"
    keys = {"ACME_API_KEY": "sandbox-acme", "SHUNPIKE_PROVIDERS__ACME__BASE_URL": address}
    sent = there.shunpike("-p", "acme", "What is a shunpike?", **keys)
    assert sent.returncode == 0, sent.stderr
    assert "side road" in sent.stdout
    assert "acme/openai/gpt-oss-20b" in sent.stderr


def test_a_broken_plugin_is_named_with_its_reason_and_breaks_nothing(place: Made, stranger: Made) -> None:
    there = place(*BASE, own=True)
    there.install(*(stranger(name, source) for name, (source, _) in BROKEN.items()))

    report = there.shunpike("doctor")
    assert report.returncode == 1
    listed = {row["name"]: row for row in json.loads(there.shunpike("plugins", "--json").stdout)["data"]}
    for name, (_, reason) in BROKEN.items():
        assert f"{name} (shunpike-{name} 7.0) is broken" in report.stdout
        assert reason in report.stdout
        assert (listed[name]["state"], reason in listed[name]["reason"]) == ("broken", True)
    assert {name for name, row in listed.items() if row["state"] == "loaded"} == {"builtin", "groq", "sandbox"}
    assert "Traceback" not in report.stdout + report.stderr

    asked = there.shunpike("What is a shunpike?")
    assert asked.returncode == 0, asked.stderr
    assert "side road" in asked.stdout

    assert there.shunpike("doctor", SHUNPIKE_DISABLED_PLUGINS=",".join(BROKEN)).returncode == 0
