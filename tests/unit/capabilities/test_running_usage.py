"""A running figure is no final one: until a stream has ended, the usage that it states is a lower bound."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Interrupted
from shunpike.types import Budget, Call, ChatRequest, Message, Money, UsageRow
from shunpike_testkit.upstream import HangUp, Stall, Upstream, events, reply, stream

from .conftest import KEY, START, MakeClient, backend_of, plugin_of

MODEL = "meta-llama/Llama-3.3-70B-Instruct"
PRICE = 400_000  # pico-dollars a token, either way
CAP = 50


def raw_chunk(text: str = "", made: int | None = None, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = None if made is None else {"prompt_tokens": 9, "completion_tokens": made, "total_tokens": 9 + made}
    return {"id": "c", "model": MODEL, "choices": [choice], "usage": usage}


FIRST, SECOND, LAST = raw_chunk("one ", 1), raw_chunk("two ", 2), raw_chunk("", 2, "stop")


def paid(make_client: MakeClient, upstream: Upstream) -> Client:
    section = {"key": KEY, "base_url": upstream.base_url, "tier": "paid", "options": {"allow_http": True}}
    budget = Budget(amount=Money.usd("1.00"), period="lifetime")
    plugins, providers = {"hyperbolic": plugin_of("hyperbolic")}, {"hyperbolic": section}
    return make_client(plugins, allow_paid=True, budgets=(budget,), providers=providers)


async def read(client: Client, chunks: int, **options: Any) -> UsageRow:
    """Read so many chunks of a stream and leave it; return what is booked."""
    async with client.stream("hi", model=f"hyperbolic/{MODEL}", max_tokens=CAP, **options) as opened:
        for _ in range(chunks):
            await opened.next()
    (row,) = await client.usage(0, START * 2)
    return row


@pytest.mark.parametrize("chunks", [1, 2])
async def test_a_stream_that_is_left_is_booked_at_its_worst_case_whatever_it_said(
    make_client: MakeClient, upstream: Upstream, chunks: int
) -> None:
    """It was settled at what the last chunk stated, while the provider went on and billed it all."""
    upstream.on("/chat/completions", stream([*events(FIRST, SECOND, done=False), Stall()]))
    async with paid(make_client, upstream) as client:
        row = await read(client, chunks)
    assert (row.requests, row.unconfirmed, row.exact) == (1, 1, False)
    assert row.cost.pico >= (9 + CAP) * PRICE


@pytest.mark.parametrize("broken", [[HangUp()], ["data: {half"], ['data: {"error": {"message": "out of memory"}}\n\n']])
async def test_a_stream_that_breaks_off_is_booked_at_its_worst_case(
    make_client: MakeClient, upstream: Upstream, broken: list[Any]
) -> None:
    upstream.on("/chat/completions", stream([*events(FIRST, SECOND, done=False), *broken]))
    async with paid(make_client, upstream) as client:
        with pytest.raises(Interrupted):
            await read(client, 9)
        (row,) = await client.usage(0, START * 2)
    assert (row.unconfirmed, row.cost.pico >= (9 + CAP) * PRICE) == (1, True)


@pytest.mark.parametrize("after", [[Stall()], [HangUp()], events()])
async def test_once_the_end_was_told_with_its_usage_it_is_settled(
    make_client: MakeClient, upstream: Upstream, after: list[Any]
) -> None:
    upstream.on("/chat/completions", stream([*events(FIRST, SECOND, LAST, done=False), *after]))
    async with paid(make_client, upstream) as client:
        row = await read(client, 3)
    assert (row.unconfirmed, row.exact, row.cost.pico) == (0, True, (9 + 2) * PRICE)


@pytest.mark.parametrize("after", [[HangUp()], events()])
async def test_a_figure_that_content_followed_is_no_final_one_even_where_the_stream_ended(
    make_client: MakeClient, upstream: Upstream, after: list[Any]
) -> None:
    """Some state the usage once, before the answer: what came after it is not counted."""
    told = [raw_chunk("", 0), raw_chunk("one "), raw_chunk("two "), raw_chunk("", None, "stop")]
    upstream.on("/chat/completions", stream([*events(*told, done=False), *after]))
    async with paid(make_client, upstream) as client:
        row = await read(client, 9)
    assert (row.answered, row.unconfirmed, row.cost.pico >= (9 + CAP) * PRICE) == (1, 1, True)


@pytest.mark.parametrize("after", [[Stall()], [HangUp()], []])
async def test_an_end_that_was_told_without_a_figure_makes_none_before_it_final(
    make_client: MakeClient, upstream: Upstream, after: list[Any]
) -> None:
    """The last figure was lost with the connection: it was settled at what was stated in the middle, exact."""
    told = [FIRST, SECOND, raw_chunk("", None, "stop")]
    upstream.on("/chat/completions", stream([*events(*told, done=False), *after]))
    async with paid(make_client, upstream) as client:
        row = await read(client, 3 if after and isinstance(after[0], Stall) else 9)
    assert (row.unconfirmed, row.exact, row.cost.pico >= (9 + CAP) * PRICE) == (1, False, True)


async def test_where_the_provider_said_that_nothing_follows_its_last_figure_is_the_final_one(
    make_client: MakeClient, upstream: Upstream
) -> None:
    upstream.on("/chat/completions", stream(events(FIRST, SECOND, raw_chunk("", None, "stop"))))
    async with paid(make_client, upstream) as client:
        row = await read(client, 9)
    assert (row.unconfirmed, row.exact, row.cost.pico) == (0, True, (9 + 2) * PRICE)


@pytest.mark.parametrize("after", [[Stall()], [HangUp()], []])
async def test_a_running_figure_of_one_of_two_answers_is_not_that_of_both(
    make_client: MakeClient, upstream: Upstream, after: list[Any]
) -> None:
    """Some state beside each chunk what its own answer took, and the sum only at the end."""
    told = [FIRST, raw_chunk("one ", 1, index=1), raw_chunk("", 2, "stop"), raw_chunk("", 2, "stop", index=1)]
    upstream.on("/chat/completions", stream([*events(*told, done=False), *after]))
    async with paid(make_client, upstream) as client:
        row = await read(client, 4 if after and isinstance(after[0], Stall) else 9, n=2)
    assert (row.unconfirmed, row.exact, row.cost.pico >= (9 + 2 * CAP) * PRICE) == (1, False, True)


@pytest.mark.parametrize("streamed", [False, True])
async def test_two_whole_answers_are_booked_as_they_are_stated(
    make_client: MakeClient, upstream: Upstream, streamed: bool
) -> None:
    """A stream that came in one chunk gave its usage with the first of them, and the second was not counted."""
    rows = [{**raw_chunk(text, None, "stop", index=place)["choices"][0]} for place, text in enumerate(("one", "two"))]
    upstream.on("/chat/completions", reply({**raw_chunk("", 2), "choices": rows}))
    async with paid(make_client, upstream) as client:
        if streamed:
            row = await read(client, 9, n=2)
        else:
            await client.complete("hi", model=f"hyperbolic/{MODEL}", max_tokens=CAP, n=2)
            (row,) = await client.usage(0, START * 2)
    assert (row.unconfirmed, row.exact, row.cost.pico) == (0, True, (9 + 2) * PRICE)


async def test_one_of_two_answers_is_not_the_end(upstream: Upstream) -> None:
    """The second answer had not begun when the connection was lost: it is made, and billed, all the same."""
    upstream.on("/chat/completions", stream([*events(FIRST, raw_chunk("", 1, "stop"), done=False), HangUp()]))
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),), n=2)
    backend = backend_of("openai", upstream)
    try:
        with pytest.raises(Interrupted):
            async with backend.stream(Call(request=request, model="m", max_output=CAP, attempt_id="a")) as chunks:
                async for _ in chunks:
                    pass
    finally:
        await backend.aclose()
