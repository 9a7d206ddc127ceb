"""What a user writes, for type checkers: this file is checked strictly and never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import assert_type

from pydantic import BaseModel

import shunpike
from shunpike import (
    AuthError,
    ChatRequest,
    Chunk,
    Client,
    Completion,
    Embedding,
    Exhausted,
    Host,
    Message,
    Money,
    Options,
    ProviderError,
    ProviderSettings,
    RateLimited,
    Settings,
    ShunpikeError,
    Stream,
    SyncClient,
    SyncStream,
    Usage,
    hookimpl,
)
from shunpike.protocols import Backend, Ranked, RoutableRequest, Strategy, Target, View
from shunpike.types import Answer, Call, Choice, Price, ProviderInfo
from shunpike.wire import ChatBackend, OpenAICompatible


def blocking() -> None:
    done = shunpike.ask("hi")
    assert_type(done, Completion)
    assert_type(done.text, str)
    assert_type(done.provider, str)
    assert_type(done.usage, Usage)
    assert_type(done.usage.total_tokens, int)
    assert_type(done.cost, Money)
    assert_type(done.list_price, Money | None)
    assert_type(done.simulated, bool)
    assert_type([attempt.error for attempt in done.attempts], list[str | None])
    assert_type(shunpike.stream_sync("hi", model="groq/auto"), Iterator[Chunk])


def blocking_and_connected() -> None:
    with SyncClient(Settings(allow_paid=False)) as client:
        done = client.complete("hi", providers="groq", timeout="30s", temperature=None)
        assert_type(done, Completion)
        assert_type(done.message, Message)
        assert_type(done.finish_reason, str)
        assert_type([call.function.arguments for call in done.tool_calls], list[str])
        client.complete([{"role": "user", "content": "hi"}, done.message])
        assert_type(client.embed("a", model="google/gemini-embedding-2"), Embedding)
        with client.stream("hi", extra={"top_k": 5}) as stream:
            assert_type(stream, SyncStream)
            for chunk in stream:
                assert_type(chunk, Chunk)
        assert_type(stream.completion.created, float)


class Town(BaseModel):
    name: str


def shaped_and_paid() -> None:
    done = shunpike.ask("Which town?", response_format=Town)
    town: Town = done.parsed
    print(town.name, float(done.cost), done.cost < Money.usd("0.10"), done.cost <= 1, f"{done.cost:.4f}")
    print(sum([done.cost, done.cost], Money()), done.cost * 3, done.cost / Money.usd(1))


async def asynchronous() -> None:
    async with Client() as client:
        done = await client.complete("hi", model="auto", providers=["groq"], max_tokens=10, stop=["."], timeout=30)
        assert_type(done, Completion)
        opened = client.stream([{"role": "user", "content": "hi"}], temperature=0.2)
        assert_type(opened, Stream)
        async with opened as chunks:
            async for chunk in chunks:
                assert_type(chunk, Chunk)
                assert_type(chunk.text, str)
        assert_type(opened.completion, Completion)
        vectors = await client.embed(["a", "b"], model="google/gemini-embedding-2", dimensions=256)
        assert_type(vectors, Embedding)
        assert_type(vectors.vectors, tuple[tuple[float, ...], ...])
    assert_type(shunpike.stream("hi"), AsyncIterator[Chunk])


async def every_kind_of_prompt(client: Client) -> None:
    options: Options = {"model": "groq/openai/gpt-oss-20b", "response_format": {"type": "json_object"}}
    messages = [Message(role="system", content="Be brief."), Message(role="user", content="hi")]
    await client.complete(messages, **options)
    await client.complete({"messages": [{"role": "user", "content": "hi"}]})
    await client.complete(
        ChatRequest(model="auto", messages=tuple(messages)), tag="nightly", session="night-1", strict=True
    )


async def slips_that_a_checker_must_see(client: Client) -> None:
    await client.complete("hi", temprature=0.2)  # type: ignore[call-arg]  # no such option
    await client.complete("hi", max_tokens="10")  # type: ignore[arg-type]  # not a number
    await client.complete("hi", api_key="x")  # type: ignore[call-arg]  # keys are no option
    await client.complete("hi", priority="later")  # type: ignore[arg-type]  # no such priority
    await client.complete(b"hi")  # type: ignore[arg-type]  # not text
    await client.embed("hi")  # type: ignore[call-arg]  # no model
    print(Money.usd(0.1), Money() < 0.5)  # type: ignore[arg-type, operator]  # floats are not exact
    Client(api_key="x")  # type: ignore[arg-type]  # no such argument
    print(client.complete("hi").text)  # type: ignore[attr-defined]  # not awaited


async def errors(client: Client) -> str:
    try:
        return (await client.complete("hi")).text
    except Exhausted as error:
        assert_type(error.retry_at, float | None)
        return "; ".join(candidate.reason for candidate in error.decision.candidates)
    except RateLimited as error:
        assert_type(error.limit, str | None)
        return error.provider
    except (AuthError, ProviderError) as error:
        assert_type(error.status, int | None)
        return error.kind
    except ShunpikeError as error:
        assert_type(error.hint, str | None)
        return error.message


def configured() -> Client:
    settings = Settings(order=("groq",), providers={"groq": ProviderSettings(order=1, models=("openai/gpt-oss-20b",))})
    host = Host.load(disabled=["acme"])
    host.register(Parrot(), "parrot")
    return Client(settings, host=host)


class Parrot:
    """A provider's plugin and its backend in one."""

    async def complete(self, call: Call) -> Answer:
        """Say it again."""
        said = Message(role="assistant", content=call.request.messages[-1].text)
        return Answer(model=call.model, choices=(Choice(message=said, finish_reason="stop"),))

    async def aclose(self) -> None:
        """Nothing is open."""

    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        """Return itself."""
        return self if provider == "parrot" else None

    @hookimpl
    def shunpike_providers(self) -> Sequence[ProviderInfo]:
        """Bring none."""
        return []


class Cheapest:
    """A strategy."""

    name = "cheapest"

    needs_states = True

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        """Return the cheapest first."""
        prices = {one.label: view.states[one.label].price or Price(prompt=0, completion=0) for one in candidates}
        ranked = sorted(candidates, key=lambda one: (prices[one.label].prompt, one.label))
        return [Ranked(one, float(prices[one.label].prompt), "by the price of a prompt") for one in ranked]


class Quirky(ChatBackend):
    """A provider with a quirk of its own."""


strategy: Strategy = Cheapest()
plugin = OpenAICompatible.of_package("shunpike_acme", Quirky)
assert_type(plugin, OpenAICompatible)
