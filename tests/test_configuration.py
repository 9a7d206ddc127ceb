"""The page on the configuration is what the schema says, and each of its examples does what is said of it.

``python tests/test_configuration.py`` writes the page anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.cli.reference import as_markdown
from shunpike.client import Client
from shunpike.config import Loaded, load
from shunpike.config.harmless import HARMLESS, general
from shunpike.config.reference import Setting, reference
from shunpike.config.schema import shown
from shunpike.errors import Exhausted
from shunpike.ledger.grants import operated
from shunpike.plugins import Host
from shunpike.types import Calendar, Cap, Held, Lifetime, Limit, Money, Rolling, Unit
from shunpike.types.limits import Window
from shunpike_testkit.upstream import Upstream, reply

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/configuration.md"
BLOCK = re.compile(r"(?P<begin><!-- (?P<name>settings|units):begin -->\n).*?(?=<!-- (?P=name):end -->)", re.DOTALL)
EXAMPLE = re.compile(r"```toml\n(?P<text>.*?)```\n\n`shunpike config show` then says `(?P<said>[^\n]*)`\.", re.DOTALL)
SERVER = re.compile(r"<!-- server: (?P<name>\S+) -->\n```toml\n(?P<text>.*?)```", re.DOTALL)
SERVERS = {found["name"]: found["text"] for found in SERVER.finditer(PAGE.read_text(encoding="utf-8"))}

GRANTED: tuple[tuple[Unit, int, Window], ...] = (
    (Unit.REQUEST, 30, Rolling(seconds=60)),
    (Unit.REQUEST, 7, Rolling(seconds=60)),
    (Unit.REQUEST, 1000, Calendar(period="day")),
    (Unit.INPUT_TOKEN, 15_000, Rolling(seconds=60)),
    (Unit.OUTPUT_TOKEN, 8_000, Rolling(seconds=60)),
    (Unit.TOTAL_TOKEN, 500_000, Calendar(period="day", zone="America/Los_Angeles")),
    (Unit.USD, Money.usd("25.00").pico, Calendar(period="month")),
    (Unit.USD, Money.usd("1.00").pico, Lifetime()),
    (Unit.CONCURRENT, 4, Held()),
)
"""Limits such as providers grant."""


def effects() -> str:
    """Return the table of what a share and a limit of one's own make of what a provider grants, as the ledger does."""
    lines = [
        "| a provider grants | `10%` of it | half of it, beside | twice of it, beside | twice of it, `overrides` |\n"
    ]
    lines.append("| --- | --- | --- | --- | --- |\n")
    for unit, amount, window in GRANTED:
        granted = Limit(unit=unit, amount=amount, window=window)
        half = granted.model_copy(update={"amount": amount // 2})
        twice = granted.model_copy(update={"amount": amount * 2})
        over = twice.model_copy(update={"overrides": True})
        kept = [kept_of(granted, own) for own in (Cap(percent=10), half, twice, over)]
        lines.append(f"| {granted.text} | {' | '.join(kept)} |\n")
    return "".join(lines)


def kept_of(granted: Limit, own: Limit | Cap) -> str:
    """Return the bound that holds in the end: the smallest of those that are kept."""
    return min(operated([granted], [own]), key=lambda one: one.amount).text.partition(" / ")[0]


def written(page: str) -> str:
    parts = {"settings": as_markdown, "units": effects}
    return BLOCK.sub(lambda found: found["begin"] + parts[found["name"]](), page)


def loaded(folder: Path, text: str = "", **environ: str) -> Loaded:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    found = load(cwd=folder, environ={"SHUNPIKE_CONFIG": str(file), **environ})
    assert found.doubts == ()
    return found


def said_of(found: Loaded) -> str:
    """What ``config show`` says of the one thing that is set."""
    chosen = [one for one in found.origins if one.origin != "default"]
    assert len({one.key.rpartition(".")[0] for one in chosen}) == 1
    if chosen[0].key.split(".")[0] == "strategy_options" or re.search(
        r"\.(headers|quality|map|(strategy_)?options)\.", chosen[0].key
    ):
        return ", ".join(f"{one.key.rpartition('.')[2]} = {shown(one.value)}" for one in chosen)
    return ", ".join(one.text for one in chosen)


def test_the_page_is_what_the_schema_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(page)) == 2
    assert page == written(page), "write it anew: python tests/test_configuration.py"


@pytest.mark.parametrize("one", reference(), ids=lambda one: one.name)
def test_a_setting_has_a_description_a_unit_and_an_example(one: Setting) -> None:
    assert one.text, "give it a docstring"
    assert one.text.endswith((".", ")")), one.text
    assert one.unit, 'give it json_schema_extra={"unit": …}, "-" where it has none'
    assert one.example is not None, "give it examples=[…]"


def test_every_example_of_the_page_loads_and_gives_the_value_that_is_stated(tmp_path: Path) -> None:
    examples = list(EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(examples) == sum(one.toml is not None for one in reference())
    for example in examples:
        assert said_of(loaded(tmp_path, example["text"])) == example["said"], example["text"]


@pytest.mark.parametrize("one", [one for one in reference() if one.variable], ids=lambda one: one.name)
def test_as_a_variable_it_has_the_same_value(one: Setting, tmp_path: Path) -> None:
    variable, _, value = str(one.variable).partition("=")
    assert said_of(loaded(tmp_path, **{variable: value})) == one.shown


@pytest.mark.parametrize("one", [one for one in reference() if one.toml], ids=lambda one: one.name)
def test_an_example_is_not_the_default(one: Setting, tmp_path: Path) -> None:
    """One that says what holds anyway would also pass where it is not read at all."""
    if one.name not in {"strategy", "limits[].confidence"}:
        assert one.shown != one.default


def test_what_needs_trust_is_what_the_rule_for_projects_files_says() -> None:
    never = {one.name for one in reference() if one.untrusted is None}
    assert {"store", "disabled_plugins", "providers.NAME.base_url", "providers.NAME.key_env"} <= never
    assert {
        "providers.NAME.headers",
        "providers.NAME.options",
        "providers.NAME.plugin",
        "providers.NAME.proxy",
    } <= never
    rules = {one.name: one.untrusted for one in reference()}
    assert rules["allow_paid"] == "only `false`"
    assert set(HARMLESS) - {("providers", "*")} == {general(one.path) for one in reference() if one.untrusted}
    assert all(rule.__doc__ for rule in HARMLESS.values())


CHAT: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "model": "served",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}
LISTS: dict[str, list[dict[str, Any]]] = {
    "ollama": [{"id": name, "object": "model", "owned_by": "library"} for name in ("llama3:latest", "qwen3:8b")],
    "vllm": [{"id": "Qwen/Qwen3-8B", "object": "model", "owned_by": "vllm", "max_model_len": 64, "permission": []}],
    "lm-studio": [
        {"id": name, "object": "model", "owned_by": "organization_owner"}
        for name in ("qwen3-4b", "gemma-3-12b", "text-embedding-nomic-embed-text-v1.5")
    ],
    "llama.cpp": [{"id": "/models/q.gguf", "object": "model", "owned_by": "llamacpp", "meta": {"n_ctx_train": 8192}}],
}
ASKED = [
    ("ollama", "ollama/llama3", "llama3:latest"),
    ("ollama", "ollama/auto", "llama3:latest"),
    ("vllm", "vllm/Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
    ("vllm", "auto", "Qwen/Qwen3-8B"),
    ("lm-studio", "lmstudio/auto", "gemma-3-12b"),
    ("llama.cpp", "llamacpp/auto", "/models/q.gguf"),
    ("llama.cpp", "llamacpp/whatever", "whatever"),
]


def at(server: Upstream, name: str, folder: Path, **environ: str) -> Client:
    """A client with the page's example, which leads to ``server``."""
    text = re.sub(r"http://[^/]+/v1", f"{server.base_url}/v1", SERVERS[name])
    host = Host.load(["sandbox"])
    return Client(loaded(folder, text), host=host, store=MemoryStore(), environ=environ)


def serving(server: Upstream, name: str) -> Upstream:
    return server.on("/v1/models", reply({"object": "list", "data": LISTS[name]}))


def test_the_page_has_an_example_for_each_of_these_servers() -> None:
    assert set(SERVERS) == set(LISTS)


@pytest.mark.parametrize(("name", "model", "sent"), ASKED)
async def test_an_example_of_ones_own_server_answers(name: str, model: str, sent: str, tmp_path: Path) -> None:
    async with Upstream() as server:
        serving(server, name).on("/v1/chat/completions", reply(CHAT))
        async with at(server, name, tmp_path) as client:
            done = await client.complete("hi", model=model)
    assert (done.text, str(done.cost)) == ("fine", "$0.00")
    body = server.requests[-1].json
    assert body["model"] == sent
    assert "max_completion_tokens" not in body, "older servers know max_tokens alone"
    assert all("authorization" not in request.headers for request in server.requests)


async def test_vllm_gets_the_key_of_its_variable_and_no_prompt_that_is_too_long(tmp_path: Path) -> None:
    async with Upstream() as server:
        serving(server, "vllm").on("/v1/chat/completions", reply(CHAT))
        async with at(server, "vllm", tmp_path, VLLM_API_KEY="a-key-of-my-own-1") as client:
            await client.complete("hi")
            with pytest.raises(Exception, match="widest context"):
                await client.complete("word " * 200, providers=["vllm"])
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer a-key-of-my-own-1"}


async def test_what_lm_studio_refuses_is_asked_elsewhere(tmp_path: Path) -> None:
    refused = reply({"error": "'response_format.type' must be 'json_schema' or 'text'"}, status=400)
    async with Upstream() as server:
        serving(server, "lm-studio").on("/v1/chat/completions", refused)
        async with at(server, "lm-studio", tmp_path) as client:
            with pytest.raises(Exhausted, match="unsupported: .*must be 'json_schema' or 'text'"):
                await client.complete("hi", response_format={"type": "json_object"}, providers=["lmstudio"])


async def test_lm_studio_embeds_with_the_model_that_the_page_names(tmp_path: Path) -> None:
    vectors = {"data": [{"index": 0, "embedding": [1.0]}], "model": "nomic", "usage": {"prompt_tokens": 1}}
    async with Upstream() as server:
        serving(server, "lm-studio").on("/v1/embeddings", reply(vectors))
        async with at(server, "lm-studio", tmp_path) as client:
            done = await client.embed("hi", model="lmstudio/text-embedding-nomic-embed-text-v1.5")
    assert done.vectors == ((1.0,),)


async def test_llama_cpp_that_loads_is_in_trouble_not_wrong(tmp_path: Path) -> None:
    loading = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    async with Upstream() as server:
        serving(server, "llama.cpp").on("/v1/chat/completions", reply(loading, status=503), reply(CHAT))
        async with at(server, "llama.cpp", tmp_path) as client:
            with pytest.raises(Exhausted, match="Loading model"):
                await client.complete("hi", providers=["llamacpp"], wait=False)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(json.dumps({"settings": len(reference())}))
