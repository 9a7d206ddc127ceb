"""Custom endpoints, by configuration alone: as Ollama, vLLM, llama.cpp and LM Studio answer."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest

from shunpike.client import Client
from shunpike.clock import SystemClock
from shunpike.errors import ConfigError, Exhausted, UnknownModel, UsageError
from shunpike.openai_format import error_type
from shunpike.types import ZERO, Cause
from shunpike.types.control import Change, ControlSetting, Signature, Subject
from shunpike_testkit.scripted import ScriptedProvider
from shunpike_testkit.upstream import Script, Stall, Upstream, hang_up, reply

from .conftest import MakeClient, plugin_of

OLLAMA = [
    {"id": name, "object": "model", "owned_by": "library"} for name in ("llama3:latest", "llama3:70b", "qwen3:8b")
]
VLLM = [{"id": "Qwen/Qwen3-8B", "object": "model", "max_model_len": 64, "root": "Qwen/Qwen3-8B", "permission": []}]
LLAMA_CPP = [{"id": "/models/llama-3-8b.Q4_K_M.gguf", "object": "model", "meta": {"n_ctx_train": 8192}}]
LM_STUDIO = [
    {"id": "gemma-3-12b", "object": "model"},
    {"id": "text-embedding-nomic-embed-text-v1.5", "object": "model"},
]


def chat(model: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"id": "c", "model": model, "choices": [choice], "usage": usage}


def at_home(make_client: MakeClient, upstream: Upstream, *others: ScriptedProvider, **section: Any) -> Client:
    plugins = {"openai": plugin_of("openai"), **{other.name: other for other in others}}
    local = {"plugin": "openai", "base_url": f"{upstream.base_url}/v1", "price": "free", **section}
    return make_client(plugins, {"OPENAI_API_KEY": "sk-real-0123456789"}, providers={"local": local})


def serves(upstream: Upstream, rows: list[dict[str, Any]], answers: str = "served") -> Upstream:
    upstream.on("/v1/models", reply({"object": "list", "data": rows}))
    return upstream.on("/v1/chat/completions", reply(chat(answers)))


def asked(upstream: Upstream) -> list[str]:
    return [request.json["model"] for request in upstream.requests if request.body]


async def test_no_key_is_needed_and_the_vendors_own_is_never_sent(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream) as client:
        done = await client.complete("hi", providers=["local"])
        (row,) = [row for row in await client.status() if row.name == "local"]
    assert (done.text, done.provider, done.cost, done.list_price) == ("fine", "local", ZERO, ZERO)
    assert all("authorization" not in request.headers for request in upstream.requests)
    assert (row.state, row.env_key, row.tier, row.billing, row.models) == ("ready", None, "own", "none", 3)
    assert row.base_url == f"{upstream.base_url}/v1"


async def test_a_key_is_sent_where_one_is_set(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream, key="proxy-key-1") as client:
        await client.complete("hi", providers=["local"])
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer proxy-key-1"}


async def test_the_models_are_asked_for_once_and_the_first_answers(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.complete, "hi")
        await client.complete("hi", providers=["local"])
    assert sum(request.path == "/v1/models" for request in upstream.requests) == 1
    assert set(asked(upstream)) == {"llama3:latest"}


@pytest.mark.parametrize(
    ("rows", "name", "sent"),
    [
        (OLLAMA, "local/llama3", "llama3:latest"),
        (OLLAMA, "local/llama3:70b", "llama3:70b"),
        (OLLAMA, "local/qwen3", "qwen3:8b"),
        (OLLAMA, "local/mistral", "mistral"),
        (OLLAMA, "local/auto", "llama3:latest"),
        (OLLAMA, "qwen3:8b", "qwen3:8b"),
        (VLLM, "local/Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        (VLLM, "Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        (LLAMA_CPP, "local/auto", "/models/llama-3-8b.Q4_K_M.gguf"),
        (LLAMA_CPP, "local/whatever", "whatever"),
        (LM_STUDIO, "auto", "gemma-3-12b"),
    ],
)
async def test_a_name_means_what_the_server_would_take_it_for(
    make_client: MakeClient, upstream: Upstream, rows: list[dict[str, Any]], name: str, sent: str
) -> None:
    serves(upstream, rows)
    async with at_home(make_client, upstream) as client:
        await client.complete("hi", model=name)
    assert asked(upstream) == [sent]


async def test_a_name_at_this_endpoint_alone_needs_no_prefix(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream) as client:
        await client.complete("hi", model="mistral", providers=["local"])
    assert asked(upstream) == ["mistral"]


@pytest.mark.parametrize("listing", [reply("no", status=500), reply("no", status=404), hang_up(), reply("<html>")])
async def test_a_named_model_is_tried_even_without_a_list(
    make_client: MakeClient, upstream: Upstream, listing: Any
) -> None:
    upstream.on("/v1/models", listing).on("/v1/chat/completions", reply(chat("llama3")))
    async with at_home(make_client, upstream) as client:
        assert (await client.complete("hi", model="local/llama3")).text == "fine"
        with pytest.raises(Exhausted, match="local   no models: "):
            await client.complete("hi", providers=["local"])


async def test_a_server_that_is_down_is_one_reason_among_others(make_client: MakeClient, upstream: Upstream) -> None:
    upstream.on("/v1/models", hang_up())
    async with at_home(make_client, upstream, ScriptedProvider("acme")) as client:
        done = await client.complete("hi")
    assert done.provider == "acme"
    assert any(one.provider == "local" and "no models" in one.reason for one in done.decision.candidates)


async def test_a_list_that_failed_is_asked_for_again_later(make_client: MakeClient, upstream: Upstream) -> None:
    upstream.on("/v1/models", reply("no", status=500), reply({"data": OLLAMA}))
    upstream.on("/v1/chat/completions", reply(chat("x")))
    async with at_home(make_client, upstream) as client:
        for _ in range(2):
            with pytest.raises(Exhausted):
                await client.complete("hi", providers=["local"])
        await client.clock.sleep(31.0)
        await client.complete("hi", providers=["local"])
    assert sum(request.path == "/v1/models" for request in upstream.requests) == 2


async def test_another_providers_model_does_not_wake_the_endpoint(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream, ScriptedProvider("acme")) as client:
        for name in ("acme/auto", "acme/m"):
            await client.complete("hi", model=name)
        await client.complete("hi", providers=["acme"])
    assert upstream.requests == []


async def test_nothing_of_the_vendors_catalog_or_limits_holds(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream) as client:
        await client.discover()
        own = [model for model in client.models() if model.provider == "local"]
        assert [target for target, _ in await client.limits() if target.name == "local"] == []
    assert [model.id for model in own] == ["llama3:latest", "llama3:70b", "qwen3:8b"]
    assert all(model.context is None for model in own)


async def test_a_context_is_checked_only_where_the_list_tells_it(make_client: MakeClient, upstream: Upstream) -> None:
    """llama.cpp tells what the model was trained with, not what the server gives it."""
    serves(upstream, VLLM)
    async with at_home(make_client, upstream) as client:
        with pytest.raises(UsageError, match="widest context of any candidate: 64"):
            await client.complete("word " * 200, model="local/Qwen/Qwen3-8B")
    async with Upstream() as other:
        serves(other, LLAMA_CPP)
        async with at_home(make_client, other) as client:
            await client.complete("word " * 20_000, model="local/auto")


async def test_the_operators_own_models_and_limits_hold(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    limit = {"unit": "request", "amount": 1, "window": {"kind": "rolling", "seconds": 60}}
    async with at_home(make_client, upstream, models=("qwen3:8b", "unlisted"), limits=(limit,)) as client:
        await client.complete("hi", providers=["local"])
        await client.discover()
        assert [model.id for model in client.models() if model.provider == "local"] == ["qwen3:8b", "unlisted"]
        with pytest.raises(Exhausted):
            await client.complete("hi", model="local/qwen3:8b", wait=False)
    assert asked(upstream) == ["qwen3:8b"]


async def test_the_request_is_one_that_such_servers_take(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream) as client:
        messages = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
        await client.complete(
            messages, providers=["local"], max_tokens=9, tools=[{"type": "function", "function": {"name": "f"}}]
        )
    sent = upstream.requests[-1].json
    assert (sent["max_tokens"], sent["messages"][0]["role"]) == (9, "system")
    assert "max_completion_tokens" not in sent


async def test_embeddings_work_at_home(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, LM_STUDIO)
    vectors = {"data": [{"index": 0, "embedding": [1.0]}], "model": "nomic", "usage": {"prompt_tokens": 1}}
    upstream.on("/v1/embeddings", reply(vectors))
    async with at_home(make_client, upstream) as client:
        named = await client.embed("hi", model="local/text-embedding-nomic-embed-text-v1.5")
        plain = await client.embed("hi", model="text-embedding-nomic-embed-text-v1.5")
        odd = await client.embed("hi", model="local/gemma-3-12b")
    assert named.vectors == plain.vectors == odd.vectors == ((1.0,),)


async def test_plain_http_beyond_private_networks_is_refused(make_client: MakeClient, upstream: Upstream) -> None:
    async with at_home(make_client, upstream, base_url="http://llm.example.com/v1") as client:
        with pytest.raises(ConfigError, match="expected https"):
            await client.complete("hi", providers=["local"])


async def test_the_usual_price_on_another_address_changes_nothing(make_client: MakeClient, upstream: Upstream) -> None:
    """A proxy of the vendor's own API keeps catalog, key and wall."""
    async with at_home(make_client, upstream, price="list") as client:
        with pytest.raises(Exhausted, match="allow_paid is off"):
            await client.complete("hi", providers=["local"])
        (row,) = [row for row in await client.status() if row.name == "local"]
    assert (row.env_key, row.tier, upstream.requests) == ("OPENAI_API_KEY", "paid", [])


@pytest.mark.filterwarnings("ignore::shunpike.errors.ConfigWarning")
@pytest.mark.parametrize("asked_as", [{"model": "local/m1"}, {"providers": ["local"]}])
async def test_a_section_that_lacks_its_plugin_is_the_news(
    make_client: MakeClient, upstream: Upstream, asked_as: dict[str, Any]
) -> None:
    """Whoever wrote the section knows its name: that no provider is called so would send them the wrong way."""
    async with at_home(make_client, upstream, plugin=None) as client:
        with pytest.raises(ConfigError, match=r"^providers\.local: no installed plugin brings 'local'") as caught:
            await client.complete("hi", **asked_as)
    assert 'say in [providers.local]: plugin = "NAME"' in str(caught.value.hint)


async def test_a_model_that_only_a_server_at_home_has_asks_for_its_price(
    make_client: MakeClient, upstream: Upstream
) -> None:
    async with at_home(make_client, upstream, price="list") as client:
        with pytest.raises(UnknownModel, match="local/m1") as caught:
            await client.complete("hi", model="local/m1")
    assert str(caught.value.hint).startswith("for a custom endpoint, say in [providers.local]: ")
    assert str(caught.value.hint).endswith('price = "free"')


async def test_a_server_that_says_nothing_is_given_more_time(make_client: MakeClient, upstream: Upstream) -> None:
    upstream.on("/v1/models", reply({"data": OLLAMA})).on("/v1/chat/completions", Script([Stall()]))
    async with at_home(partial(make_client, clock=SystemClock()), upstream) as client:
        with pytest.raises(Exhausted, match="timeout: no answer in time") as caught:
            await client.complete("hi", model="local/m1", timeout=2)
    assert str(caught.value.hint).startswith("give it more time: --timeout")


async def test_errors_name_the_address_and_no_vendor(make_client: MakeClient, upstream: Upstream) -> None:
    error = {"error": {"message": "model 'x' not found", "type": "api_error"}}
    upstream.on("/v1/models", reply({"data": OLLAMA})).on("/v1/chat/completions", reply(error, status=404))
    async with at_home(make_client, upstream) as client:
        with pytest.raises(Exhausted, match="model 'x' not found") as caught:
            await client.complete("hi", model="local/x")
    assert "OPENAI" not in str(caught.value).upper()
    assert upstream.base_url.removeprefix("http://") in str(caught.value)


async def test_the_probe_costs_nothing_and_counts_the_models(make_client: MakeClient, upstream: Upstream) -> None:
    serves(upstream, OLLAMA)
    async with at_home(make_client, upstream) as client:
        assert await client.probe("local") == "3 models"


async def test_a_model_that_an_operator_switched_off_is_left_out_of_the_plan(
    make_client: MakeClient, upstream: Upstream
) -> None:
    serves(upstream, OLLAMA)
    off = Change(subject=Subject.MODEL, name="local/qwen3:8b", setting=ControlSetting.ENABLED, value=False)
    async with at_home(make_client, upstream, models=["qwen3:8b", "llama3:70b"]) as client:
        control = client.runtime.control
        assert control is not None
        await control.change([off], Signature(at=client.clock.now(), who="ann@north"))
        done = await client.complete("hi", providers=["local"])
        with pytest.raises(Exhausted, match="enable it with: shunpike providers enable local/qwen3:8b") as caught:
            await client.complete("hi", model="local/qwen3:8b")
    assert asked(upstream) == ["llama3:70b"]
    assert [one.cause for one in done.decision.candidates] == [None, Cause.DISABLED]
    assert [len(decision.attempts) for decision in (done.decision, caught.value.decision)] == [1, 0]
    assert (error_type(caught.value), caught.value.hint) == (
        "configuration_error",
        "switch it on by the command above   ·   or add another provider: shunpike keys set NAME",
    )
