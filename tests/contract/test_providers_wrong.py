"""The contract finds what is wrong with a plugin, and can't be talked out of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

pytestmark = pytest.mark.slow
CARELESS = """
import json
from datetime import date

import httpx

from shunpike.hookspecs import hookimpl
from shunpike.types import Answer, Billing, Choice, Message, ModelInfo, Price, ProviderInfo, Tier, Usage

INFO = ProviderInfo(
    id="careless", title="Careless", env_key="CARELESS_API_KEY", base_url="https://api.example.com",
    default_tier="free", tiers=(Tier(name="free", billing=Billing.NONE),), as_of=date(2026, 11, 22), source="made up",
)
ROW = {"provider": "careless", "limits": {"free": ()}, "as_of": INFO.as_of, "source": "made up"}
MODELS = [
    ModelInfo(id="one", **ROW),
    ModelInfo(id="old", status="retired", successor="nowhere", **ROW),
]


class Backend:
    def __init__(self, settings):
        self.key = settings.key.get_secret_value() if settings.key else ""
        self.url = settings.base_url

    async def complete(self, call):
        asked = [{"role": "user", "content": call.request.messages[-1].text}]
        body = {"model": call.model, "messages": asked, "tools": list(call.request.tools or ())}
        async with httpx.AsyncClient(verify=False, timeout=0.1, follow_redirects=True) as client:
            for _ in range(2):
                found = await client.post(
                    f"{self.url}/chat/completions?key={self.key}", json=body, headers={"authorization": self.key}
                )
                if found.status_code < 500:
                    break
        found.raise_for_status()
        data = found.json()
        choice, usage = data["choices"][0], data.get("usage") or {}
        return Answer(
            model=call.model,
            choices=(Choice(message=Message(**choice["message"]), finish_reason="stop"),),
            usage=Usage(**{name: usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens")}),
        )

    async def aclose(self):
        if self.url is None:
            raise RuntimeError("closed twice")
        self.url = None


class Careless:
    @hookimpl
    def shunpike_providers(self):
        return [INFO]

    @hookimpl
    def shunpike_models(self, provider):
        return MODELS

    @hookimpl
    def shunpike_completion(self, provider, settings):
        return Backend(settings)

    @hookimpl
    def shunpike_cost(self, provider):
        return Price(prompt=0, completion=0)


plugin = Careless()
"""

LEAKY = """
import json
from contextlib import asynccontextmanager

import httpx

from shunpike.types import Chunk
from shunpike.wire import ChatBackend, OpenAICompatible

CATALOG = '''
as_of = 2026-11-22
source = "made up"
provider = { id = "leaky", title = "Leaky", env_key = "KEY", base_url = "https://example.com", default_tier = "free" }
tiers.free = { billing = "none" }
models = [{ id = "one", limits = { free = [] } }]
'''
KEPT = []


class Backend(ChatBackend):
    @asynccontextmanager
    async def stream(self, call):
        client = httpx.AsyncClient(verify=False, timeout=5)
        KEPT.append(client)
        request = client.build_request("POST", f"{self.settings.base_url}/chat/completions", json=self.body(call))
        yield self.read(await client.send(request, stream=True))

    async def read(self, response):
        try:
            async for chunk in response.aiter_bytes():
                for line in chunk.decode("utf-8", "replace").splitlines():
                    if line.startswith("data: {"):
                        for choice in json.loads(line[6:])["choices"]:
                            yield Chunk(text=choice["delta"].get("content") or "", finish_reason="stop")
        except (httpx.HTTPError, ValueError):
            return


plugin = OpenAICompatible.of_text(CATALOG, "leaky.toml")
plugin._backend_class = Backend
"""

TESTS = """
import leaky
from careless import plugin
from shunpike_testkit.provider_contract import ProviderContract
from shunpike_testkit.strategies import StrategyContract


class TestCareless(ProviderContract):
    plugin = plugin
    is_installed = False
    supports_trio = False
    expected_failures = {
        "test_one_call_is_one_request": "it tries twice",
        "test_the_finish_reason_arrives[length]": "it knows one reason",
        "test_the_text_arrives": "it is thought not to, but it does",
    }


class TestLeaky(ProviderContract):
    plugin = leaky.plugin
    is_installed = False
    supports_trio = False


class TestTalkedOut(ProviderContract):
    plugin = plugin
    is_installed = False
    supports_trio = False
    expected_failures = {"test_that_nobody_wrote": "x", "test_the_text_arrives": " "}

    def test_prices_are_exact(self):
        pass

    def failure(self, *_):
        pass
"""
FOUND = {
    "test_a_closed_port_is_trouble_of_the_provider",
    "test_a_connection_is_used_again",
    "test_a_hang_up_is_trouble_of_the_provider",
    "test_a_hundred_calls_at_once_share_one_pool",
    "test_a_limit_tells_when_it_opens",
    "test_a_missing_key_names_its_variable",
    "test_a_redirect_is_not_followed",
    "test_a_retired_model_is_offered_on_no_tier",
    "test_a_status_means_its_error",
    "test_a_strange_body_does_not_hide_the_status",
    "test_a_whole_conversation_is_sent",
    "test_an_absent_usage_is_not_zero",
    "test_an_answer_without_content_is_not_made_up",
    "test_an_option_is_passed_or_its_loss_is_told",
    "test_an_unknown_price_is_none",
    "test_closing_twice_does_nothing",
    "test_every_request_carries_an_output_cap",
    "test_limits_are_known_for_every_offer",
    "test_only_its_own_providers_are_claimed",
    "test_a_stranger_without_a_key_is_no_mistake",
    "test_retired_models_name_successors_that_exist",
    "test_the_key_shows_in_no_error",
    "test_the_key_shows_in_no_log",
    "test_the_key_shows_in_no_repr",
    "test_the_key_travels_in_a_header",
    "test_the_served_model_arrives",
    "test_the_text_arrives",  # expected to fail, but it does not
    "test_what_does_not_come_is_given_up",
    "test_what_was_not_asked_for_is_not_sent_as_nothing",
    "test_what_is_no_answer_is_trouble_of_the_provider",
}
FOUND_IN_STREAMS = {
    "test_a_connection_is_used_again",
    "test_a_cut_stream_is_interrupted",
    "test_a_failure_inside_a_stream_is_raised",
    "test_a_stream_that_is_left_early_closes_the_connection",
    "test_a_streamed_answer_is_the_unary_one",
    "test_cancellation_closes_the_connection",
    "test_the_finish_reason_comes_once",
}


OVERRIDES = {"test_no_contract_test_is_overridden", "test_expected_failures_are_tests_of_this_contract"}
IN_STREAMS = "cut or inside or cancellation or left_early or used_again or reason_comes or unary or in_no_repr"
WANTED = f"TestCareless or overridden or expected_failures or (TestLeaky and ({IN_STREAMS}))"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as anybody would who has the kit, in a folder without any configuration."""
    command = [sys.executable, "-m", "pytest", "-p", "shunpike_testkit.suite_options", "-p", "no:cacheprovider", "-q"]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Output and results of the contract for two plugins in which a lot is wrong."""
    folder = tmp_path_factory.mktemp("careless")
    (folder / "careless.py").write_text(dedent(CARELESS), encoding="utf-8")
    (folder / "leaky.py").write_text(dedent(LEAKY), encoding="utf-8")
    (folder / "test_careless.py").write_text(dedent(TESTS), encoding="utf-8")
    done = run(folder, "test_careless.py", "-k", WANTED, "--tb=line", "--conformance-json", "c.json")
    careless, leaky = json.loads((folder / "c.json").read_text())["providers"]
    return done.stdout, careless, leaky


def test_what_is_wrong_with_a_plugin_is_found(careless):
    failed = {name.partition("[")[0] for name in careless[1]["failed"]}

    assert failed - OVERRIDES == FOUND


def test_what_is_wrong_with_a_stream_is_found(careless):
    assert {name.partition("[")[0] for name in careless[2]["failed"]} == FOUND_IN_STREAMS


def test_a_replaced_law_a_replaced_helper_and_a_made_up_name_fail(careless):
    output, row, _ = careless

    assert set(row["failed"]) >= OVERRIDES
    assert "TestTalkedOut replaces failure, test_prices_are_exact: remove that" in output
    assert "expected_failures names test_that_nobody_wrote, which is no test of this contract" in output


def test_an_expected_failure_is_shown_and_one_that_does_not_happen_fails(careless):
    _, row, _ = careless

    assert row["expected_failures"] == {
        "test_one_call_is_one_request[whole-asyncio]": "it tries twice",
        "test_the_finish_reason_arrives[whole-length-asyncio]": "it knows one reason",
    }
    assert "test_the_text_arrives[asyncio-whole]" in row["failed"]
    assert not row["conformant"]


def test_what_the_provider_can_not_do_is_skipped_with_its_reason(careless):
    skipped = careless[1]["skipped"]

    assert skipped["test_packets_do_not_matter[asyncio-5]"] == "supports_streaming is False"
    assert skipped["test_tool_calls_arrive[asyncio-whole]"] == "supports_tools is False"
    assert skipped["test_the_text_arrives[trio-whole]"] == "supports_trio is False"


def test_a_message_says_what_to_change(careless):
    assert "the output cap sent was None: always send call.max_output, which was 64" in careless[0]
    assert "HTTPStatusError got out of the backend" in careless[0]
    assert "the key is in the address: put it into a header" in careless[0]
