"""What is measured: each library in its usual set-up, as one function that makes one call.

    python tests/benchmarks/clients.py NAME PORT [--stream] [--calls 2000] [--at-once 64] [--profile]

runs in an environment that holds that library, and prints the milliseconds of CPU time that a call took in this
process, all of its threads together, and how many calls a second were made. ``library.py`` starts it.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

MODEL = "gpt-6-luna"
KEY = "sk-benchmark"
QUESTION = "What is a shunpike? Answer in one sentence, and leave out what everybody knows."
MESSAGES = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": QUESTION}]
BODY = {"model": MODEL, "messages": MESSAGES, "max_tokens": 256}
EVENTS = 104

Call = Callable[[], Awaitable[object]]


async def told(chunks: AsyncIterator[Any]) -> int:
    """Read a stream to its end; return how many pieces came."""
    count = 0
    async for _ in chunks:
        count += 1
    return count


@asynccontextmanager
async def shunpike(base: str, *, stream: bool, limits: bool = True) -> AsyncIterator[Call]:
    """Yield a call of ours: through the SQLite ledger with three limits and a budget, or with nothing to keep."""
    from shunpike import Client
    from shunpike.types import Budget, Limit, Money, ProviderSettings, Rolling, Settings, Unit

    minute, much = Rolling(seconds=60.0), 10**9
    kept = tuple(Limit(unit=unit, amount=much, window=minute) for unit in (Unit.REQUEST, Unit.TOTAL_TOKEN))
    section: dict[str, Any] = {"key": KEY, "base_url": base, "options": {"allow_http": True}}
    section |= {"limits": (*kept, Limit(unit=Unit.REQUEST, amount=much, window=Rolling(seconds=86400.0)))}
    if not limits:
        section |= {"price": "free", "limits": ()}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            providers={"openai": ProviderSettings.model_validate(section)},
            allow_paid=True,
            budgets=(Budget(amount=Money.usd(1000), period="day"),) if limits else (),
            store=f"sqlite:{folder}/ledger.db" if limits else "memory:",
        )
        async with Client(settings, environ={}) as client:

            async def complete() -> str:
                done = await client.complete(MESSAGES, model=f"openai/{MODEL}", max_tokens=256)
                return done.text

            async def streamed() -> None:
                async with client.stream(MESSAGES, model=f"openai/{MODEL}", max_tokens=256) as pieces:
                    assert await told(aiter(pieces)) > 100

            yield streamed if stream else complete


@asynccontextmanager
async def shunpike_unlimited(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a call of ours with no limit, no budget and no file."""
    async with shunpike(base, stream=stream, limits=False) as call:
        yield call


@asynccontextmanager
async def httpx_alone(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a bare request of httpx, its JSON read."""
    import httpx

    url, headers = f"{base}/chat/completions", {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None, max_keepalive_connections=100)) as client:

        async def complete() -> str:
            answer = await client.post(url, json=BODY, headers=headers)
            return str(answer.json()["choices"][0]["message"]["content"])

        async def streamed() -> None:
            async with client.stream("POST", url, json={**BODY, "stream": True}, headers=headers) as answer:
                assert read_lines([line async for line in answer.aiter_lines()]) > 100

        yield streamed if stream else complete


@asynccontextmanager
async def aiohttp_alone(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a bare request of aiohttp, its JSON read."""
    import aiohttp

    url, headers = f"{base}/chat/completions", {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def complete() -> str:
            async with client.post(url, json=BODY, headers=headers) as answer:
                return str((await answer.json())["choices"][0]["message"]["content"])

        async def streamed() -> None:
            async with client.post(url, json={**BODY, "stream": True}, headers=headers) as answer:
                assert read_lines([line.decode().rstrip() async for line in answer.content]) > 100

        yield streamed if stream else complete


def read_lines(lines: list[str]) -> int:
    """Read the JSON of each event; return how many there were."""
    return len([json.loads(line[6:]) for line in lines if line.startswith("data: {")])


@asynccontextmanager
async def openai(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a call of OpenAI's own library."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key=KEY, base_url=base) as client:

        async def complete() -> object:
            return (await client.chat.completions.create(**BODY)).choices[0].message.content  # type: ignore[call-overload]

        async def streamed() -> None:
            options = {"include_usage": True}
            chunks = await client.chat.completions.create(**BODY, stream=True, stream_options=options)  # type: ignore[call-overload]
            assert await told(chunks) > 100

        yield streamed if stream else complete


def _quiet_litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _asking(ask: Callable[..., Awaitable[Any]], *, stream: bool, **options: object) -> Call:
    async def complete() -> object:
        return (await ask(messages=MESSAGES, max_tokens=256, **options)).choices[0].message.content

    async def streamed() -> None:
        asked = {"stream": True, "stream_options": {"include_usage": True}}
        assert await told(await ask(messages=MESSAGES, max_tokens=256, **asked, **options)) > 100

    return streamed if stream else complete


@asynccontextmanager
async def litellm(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a call of LiteLLM."""
    ask = _quiet_litellm().acompletion
    yield _asking(ask, stream=stream, model=f"openai/{MODEL}", api_key=KEY, api_base=base)


@asynccontextmanager
async def litellm_router(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a call of LiteLLM's Router over two deployments, with limits that it keeps in memory."""
    lib = _quiet_litellm()
    place = {"model": f"openai/{MODEL}", "api_key": KEY, "api_base": base, "rpm": 10**8, "tpm": 10**9}
    models = [{"model_name": MODEL, "litellm_params": dict(place)} for _ in range(2)]
    router = lib.Router(model_list=models, routing_strategy="usage-based-routing-v2", num_retries=0)
    yield _asking(router.acompletion, stream=stream, model=MODEL)


@asynccontextmanager
async def any_llm(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a call of any-llm by a provider that is made once, which is its fast way."""
    from any_llm import AnyLLM

    provider = AnyLLM.create("openai", api_key=KEY, api_base=base)
    yield _asking(provider.acompletion, stream=stream, model=MODEL)


@asynccontextmanager
async def pydantic_ai(base: str, *, stream: bool) -> AsyncIterator[Call]:
    """Yield a request of pydantic-ai's fallback model, without an agent around it."""
    from pydantic_ai.direct import model_request, model_request_stream
    from pydantic_ai.messages import ModelRequest
    from pydantic_ai.models.fallback import FallbackModel
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=base, api_key=KEY)
    model = FallbackModel(OpenAIChatModel(MODEL, provider=provider), OpenAIChatModel(MODEL, provider=provider))
    asked: Any = [ModelRequest.user_text_prompt(QUESTION, instructions="You are brief.")]
    options: Any = {"max_tokens": 256}

    async def complete() -> object:
        return (await model_request(model, asked, model_settings=options)).parts

    async def streamed() -> None:
        async with model_request_stream(model, asked, model_settings=options) as pieces:
            assert await told(aiter(pieces)) > 100

    yield streamed if stream else complete


CLIENTS = {
    "shunpike": shunpike,
    "shunpike-unlimited": shunpike_unlimited,
    "aiohttp": aiohttp_alone,
    "httpx": httpx_alone,
    "openai": openai,
    "any-llm": any_llm,
    "litellm": litellm,
    "litellm-router": litellm_router,
    "pydantic-ai": pydantic_ai,
}


async def many(call: Call, calls: int, at_once: int) -> None:
    """Make so many calls, so many of them at once."""
    left = iter(range(calls))

    async def lane() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(lane() for _ in range(at_once)))


async def measured(given: argparse.Namespace) -> dict[str, float]:
    """Return what a call took, after as many as are made at once have opened the connections and filled the caches."""
    async with AsyncExitStack() as stack:
        call = await stack.enter_async_context(
            CLIENTS[given.name](f"http://127.0.0.1:{given.port}/v1", stream=given.stream)
        )
        await many(call, 3 * given.at_once, given.at_once)
        profile = cProfile.Profile()
        if given.profile:
            profile.enable()
        cpu, begun = time.process_time(), time.perf_counter()
        await many(call, given.calls, given.at_once)
        cpu, took = time.process_time() - cpu, time.perf_counter() - begun
        profile.disable()
        if given.profile:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(given.profile)
    return {"cpu_ms": cpu / given.calls * 1e3, "rate": given.calls / took}


def main() -> None:
    """Measure one library, and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=CLIENTS)
    parser.add_argument("port", type=int)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--profile", type=int, default=0, metavar="ENTRIES", help="print so many entries of a profile")
    print(json.dumps(asyncio.run(measured(parser.parse_args()))))


if __name__ == "__main__":
    main()
