from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from shunpike.errors import (
    AuthError,
    BadAnswer,
    Interrupted,
    NotHere,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestError,
)
from shunpike.types import Answer, Call, Chunk, Timeouts
from shunpike.wire import Assembly, ChatBackend, Dialect
from shunpike_testkit.upstream import HangUp, Script, Stall, Upstream, events, hang_up, head, reply, stream

Make = Callable[..., Any]
USAGE = {"prompt_tokens": 9, "completion_tokens": 2}


def raw_chunk(content: str | None = None, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {"id": "chat-1", "model": "m1-2026", "choices": [choice], **extra}


async def gather(backend: ChatBackend, call: Call, found: list[Chunk]) -> None:
    async with backend.stream(call) as chunks:
        async for chunk in chunks:
            found.append(chunk)


async def collect(backend: ChatBackend, call: Call) -> list[Chunk]:
    found: list[Chunk] = []
    await gather(backend, call, found)
    return found


def fold(chunks: list[Chunk]) -> Answer:
    assembly = Assembly(provider="acme", model="m1")
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.answer()


async def ask(make_backend: Make, call: Call, script: Script, dialect: Dialect | None = None) -> list[Chunk]:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", script)
        backend = make_backend(upstream.base_url, dialect)
        try:
            return await collect(backend, call)
        finally:
            await backend.aclose()


async def test_a_stream_arrives_chunk_by_chunk(make_backend: Make, make_call: Make) -> None:
    second = anyio.Event()
    first, last = events(raw_chunk("o"), done=False), events(raw_chunk("k", "stop"), {"choices": [], "usage": USAGE})
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream([*first, second, *last], headers={"x-request-id": "r1"}))
        backend = make_backend(upstream.base_url)
        async with backend.stream(make_call(stream_options={"x": 1})) as chunks:
            one = await anext(chunks)
            second.set()
            rest = [chunk async for chunk in chunks]
        await backend.aclose()
        sent = upstream.requests[0].json
    assert (sent["stream"], sent["stream_options"]) == (True, {"x": 1, "include_usage": True})
    assert (one.text, one.model, one.provider_request_id, one.headers_at) == ("o", "m1-2026", "r1", 1_795_000_000.0)
    assert str(one) == "o"
    answer = fold([one, *rest])
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("ok", "stop")
    assert answer.usage.completion_tokens == 2


async def test_usage_may_be_left_unasked(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(events(raw_chunk("k", "stop"))))
        backend = make_backend(upstream.base_url, Dialect(stream_options=False, drop_with_stream=("seed",)))
        [chunk] = await collect(backend, make_call(seed=1))
        await backend.aclose()
        sent = upstream.requests[0].json
    assert "stream_options" not in sent
    assert "seed" not in sent
    assert chunk.warnings == ("acme does not take 'seed': it was left out",)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (reply({"error": {"message": "no", "code": "invalid_api_key"}}, status=401), AuthError),
        (reply("busy", status=503, content_type="text/plain"), Overloaded),
        (Script([head(429, {"content-length": "100"}) + b"half", HangUp()]), RateLimited),
        (reply({"error": {"code": 429, "message": "slow"}}), RateLimited),
        (hang_up(), Overloaded),
    ],
)
async def test_entering_raises_what_a_refusal_raises(
    make_backend: Make, make_call: Make, script: Script, error: type[ProviderError]
) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", script)
        backend = make_backend(upstream.base_url)
        with pytest.raises(error) as caught:
            await backend.stream(make_call()).__aenter__()
        await backend.aclose()
    assert (caught.value.provider, caught.value.model) == ("acme", "m1")


async def test_a_strict_call_is_refused_before_anything_is_sent(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        backend = make_backend(upstream.base_url, Dialect(drop=("seed",)))
        with pytest.raises(NotHere):
            await collect(backend, make_call(seed=1, strict=True))
        await backend.aclose()
        assert upstream.requests == []


async def test_an_answer_in_one_counts_as_a_stream(make_backend: Make, make_call: Make) -> None:
    whole = {"model": "m9", "choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "usage": USAGE}
    [chunk] = await ask(make_backend, make_call(), reply(whole, headers={"x-request-id": "r1"}))
    assert (chunk.text, chunk.finish_reason, chunk.model) == ("ok", "stop", "m9")
    assert (chunk.provider_request_id, chunk.headers_at) == ("r1", 1_795_000_000.0)


ERROR = {"error": {"message": "overloaded", "type": "server_error", "code": None}}


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        (events(ERROR), Overloaded),
        (['event: error\ndata: {"error":{"code":"tool_use_failed","status_code":400}}\n\n'], RequestError),
        (['event: error\ndata: {"message":"slow","code":429}\n\n'], RateLimited),
        (events(raw_chunk(""), {**raw_chunk(""), "error": {"code": "429", "message": "slow"}}), RateLimited),
        (events({"choices": [{"index": 0, "error": {"code": 402, "message": "pay"}}]}), ProviderError),
        (events(raw_chunk(None, "error")), Overloaded),
        (events("{broken"), Overloaded),
        (events("[1]"), Overloaded),
        ([": hello\n\n", HangUp()], Overloaded),
        (events(raw_chunk(""), done=False), Interrupted),
        ([], Interrupted),
        ([*events(raw_chunk(""), done=False), 'data: {"choi'], Interrupted),
        (events(), BadAnswer),
        (events({"choices": []}), BadAnswer),
    ],
)
async def test_before_any_content_a_failure_has_its_own_class(
    make_backend: Make, make_call: Make, parts: list[Any], error: type[ProviderError]
) -> None:
    with pytest.raises(error) as caught:
        await ask(make_backend, make_call(), stream(parts))
    assert caught.value.model == "m1"
    if error is not ProviderError:
        assert type(caught.value) is error


@pytest.mark.parametrize(
    "parts",
    [
        events(raw_chunk("Once"), ERROR),
        events(raw_chunk("Once"), "{broken"),
        events(raw_chunk("Once"), raw_chunk("upon", "error")),
        events(raw_chunk("Once"), done=False),
        [*events(raw_chunk("Once"), done=False), 'data: {"choi'],
        [*events(raw_chunk("Once"), done=False), HangUp()],
        [*events(raw_chunk("Once"), done=False), Stall()],
        events({"choices": [{"delta": {"reasoning": "Hm"}}]}, ERROR),
    ],
)
async def test_after_content_every_failure_is_an_interruption(make_backend: Make, make_call: Make, parts: Any) -> None:
    found: list[Chunk] = []
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(parts))
        backend = make_backend(upstream.base_url)
        with pytest.raises(Interrupted) as caught:
            await gather(backend, make_call(Timeouts(idle=0.2)), found)
        await backend.aclose()
    assert found[0].has_content
    assert (caught.value.kind, caught.value.billed, caught.value.model) == ("stream_interrupted", None, "m1")


async def test_an_interruption_carries_its_cause_and_the_usage_so_far(make_backend: Make, make_call: Make) -> None:
    parts = events(raw_chunk("Once"), {**ERROR, "usage": USAGE})
    found: list[Chunk] = []
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(parts))
        backend = make_backend(upstream.base_url)
        with pytest.raises(Interrupted, match="overloaded") as caught:
            await gather(backend, make_call(), found)
        await backend.aclose()
    assert isinstance(caught.value.__cause__, Overloaded)
    assert found[-1].usage is not None


@pytest.mark.parametrize(
    "ending",
    [
        [],
        [HangUp()],
        [Stall()],
        ['data: {"choi'],
        ["data: [DONE]\n\n"],
        ["data: [DONE]\n\n", "data: {broken\n\n"],
    ],
)
async def test_with_a_finish_reason_an_answer_is_complete_however_the_connection_ends(
    make_backend: Make, make_call: Make, ending: list[Any]
) -> None:
    parts = [*events(raw_chunk("ok"), raw_chunk("", "length"), done=False), *ending]
    chunks = await ask(make_backend, make_call(Timeouts(idle=0.2)), stream(parts))
    answer = fold(chunks)
    assert (answer.choices[0].message.text, answer.choices[0].finish_reason) == ("ok", "length")


async def test_an_end_without_a_finish_reason_is_one(make_backend: Make, make_call: Make) -> None:
    chunks = await ask(make_backend, make_call(), stream(events(raw_chunk("ok"))))
    assert chunks[-1].finish_reason == "stop"


async def test_keep_alive_comments_do_not_hide_that_nothing_comes(make_backend: Make, make_call: Make) -> None:
    parts = [": PROCESSING\n\n", ": PROCESSING\n\n", Stall()]
    with pytest.raises(Overloaded, match=r"nothing came within 0\.2 s") as caught:
        await ask(make_backend, make_call(Timeouts(first_token=0.2)), stream(parts))
    assert caught.value.kind == "timeout"


async def test_leaving_early_closes_the_connection_and_ends_the_chunks(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream([*events(raw_chunk("a"), raw_chunk("b"), done=False), Stall()]))
        backend = make_backend(upstream.base_url)
        async with backend.stream(make_call()) as chunks:
            async for _ in chunks:
                break
        await upstream.idle()
        await backend.aclose()


async def test_cancelling_a_stream_closes_the_connection(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream([*events(raw_chunk("a"), done=False), Stall()]))
        backend = make_backend(upstream.base_url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, backend, make_call())
            await upstream.received(1)
            tasks.cancel_scope.cancel()
        await upstream.idle()
        await backend.aclose()


async def test_the_connection_of_a_finished_stream_is_used_again(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(events(raw_chunk("ok", "stop"))))
        backend = make_backend(upstream.base_url)
        for _ in range(3):
            await collect(backend, make_call())
        assert upstream.connections == 1
        await backend.aclose()


async def test_a_hundred_streams_run_at_once(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(events(raw_chunk("o"), raw_chunk("k", "stop"))))
        backend = make_backend(upstream.base_url)
        texts: list[str] = []

        async def one() -> None:
            texts.append(fold(await collect(backend, make_call())).choices[0].message.text)

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(one)
        await backend.aclose()
    assert texts == ["ok"] * 100


async def test_an_empty_delta_is_not_the_first_token(make_backend: Make, make_call: Callable[..., Call]) -> None:
    parts = [*events(raw_chunk(""), raw_chunk(None, usage=USAGE), done=False), Stall()]
    with pytest.raises(Overloaded, match=r"nothing came within 0\.3 s"):
        await ask(make_backend, make_call(Timeouts(first_token=0.3, idle=0.05)), stream(parts))
