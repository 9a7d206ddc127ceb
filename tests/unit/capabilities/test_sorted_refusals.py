"""What is refused for one model, or for its content, is sorted right at each simulated provider, from end to end."""

from __future__ import annotations

import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, RequestError
from shunpike.types import Call, ChatRequest, Message, Unit
from shunpike_sandbox import faults
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.world import SimulatedWorld
from shunpike_testkit.upstream import Upstream, reply

from .conftest import SEVEN, START, backend_of

MANY = [name for name in SEVEN if name not in ("hyperbolic", "deepseek")]
"""Those with several models that would answer."""


@pytest.mark.parametrize("name", MANY)
async def test_a_model_that_is_forbidden_leaves_the_account_open(
    client: Client, world: SimulatedWorld, name: str
) -> None:
    world.set_faults(Faults(script=(faults.MODEL_FORBIDDEN,), only=(name,)))
    first = await client.complete("hi", providers=[name], max_tokens=50)
    second = await client.complete("hi", providers=[name], max_tokens=50)
    [refused, answered] = first.decision.attempts
    assert (refused.error, answered.error, refused.model != answered.model) == ("tier", None, True)
    assert [one.model for one in second.decision.attempts] == [answered.model]


@pytest.mark.parametrize("name", SEVEN)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_refused_prompt_is_asked_nowhere_else(
    client: Client, world: SimulatedWorld, name: str, streamed: bool
) -> None:
    world.set_faults(Faults(script=(faults.UNSAFE,), only=(name,)))
    with pytest.raises(RequestError) as caught:
        if streamed:
            async with client.stream("hi", providers=[name], max_tokens=50) as chunks:
                await anext(chunks)
        else:
            await client.complete("hi", model=f"{name}/auto", max_tokens=50)
    assert caught.value.kind == "content_filter"
    assert len(world.books()[name]["attempts"]) == 1


async def test_what_one_model_cant_do_is_asked_of_the_next_that_is_free(client: Client) -> None:
    """Gemini 3 gives one candidate only; older ones at the same account give more, before anything is paid."""
    done = await client.complete("hi", providers=["google", "openai"], max_tokens=50, n=2)
    *unable, answered = done.attempts
    assert (answered.provider, len(done.choices)) == ("google", 2)
    assert {one.error for one in unable} == {"unsupported"}
    assert answered.model not in {one.model for one in unable}
    again = await client.complete("hi", providers=["google"], max_tokens=50)
    assert again.provider == "google"


@pytest.mark.parametrize("name", MANY)
async def test_a_model_that_is_no_more_is_left_and_the_account_stays_open(
    client: Client, world: SimulatedWorld, name: str
) -> None:
    world.set_faults(Faults(script=(faults.MODEL_ENDED,), only=(name,)))
    first = await client.complete("hi", providers=[name], max_tokens=50)
    second = await client.complete("hi", providers=[name], max_tokens=50)
    [gone, answered] = first.decision.attempts
    assert gone.error in {"retired", "not_found"}
    assert [one.model for one in second.decision.attempts] == [answered.model]


async def test_a_model_whose_time_of_testing_is_over_is_retired(client: Client, world: SimulatedWorld) -> None:
    world.set_faults(Faults(script=(faults.MODEL_ENDED,), only=("openrouter",)))
    done = await client.complete("hi", providers=["openrouter"], max_tokens=50)
    assert done.decision.attempts[0].error == "retired"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("cap", "reason"), [(4, "length"), (400, "stop")])
async def test_an_answer_that_does_not_say_why_it_ended_was_cut_where_its_cap_is_reached(
    client: Client, world: SimulatedWorld, cap: int, reason: str, streamed: bool
) -> None:
    world.set_faults(Faults(script=(faults.NULL_FINISH,), only=("openrouter",)))
    if streamed:
        async with client.stream("Tell me of roads.", providers=["openrouter"], max_tokens=cap) as chunks:
            async for _ in chunks:
                pass
        done = chunks.completion
    else:
        done = await client.complete("Tell me of roads.", providers=["openrouter"], max_tokens=cap)
    assert done.choices[0].finish_reason == reason
    assert any("cut off" in warning for warning in done.warnings) is (reason == "length")


async def test_the_tokens_that_together_names_are_learned(client: Client) -> None:
    await client.complete("hi", providers=["together"], max_tokens=50)
    done = await client.complete("hi", providers=["together"], max_tokens=50)
    learned = [one for one in done.decision.remaining if one.limit.unit is Unit.TOTAL_TOKEN]
    assert [one.limit.amount for one in learned] == [2_000_000]


async def test_a_429_that_names_a_reset_alone_has_its_moment(client: Client, world: SimulatedWorld) -> None:
    world.set_faults(Faults(script=(faults.RESET_ALONE,) * 40, only=("together",), seconds=7.0))
    with pytest.raises(Exhausted) as caught:
        await client.complete("hi", providers=["together"], max_tokens=50, wait=False)
    assert caught.value.retry_at == pytest.approx(START + 7, abs=1)


@pytest.mark.parametrize("name", [name for name in SEVEN if name != "google"])
async def test_a_stream_that_is_labelled_as_json_is_read(client: Client, world: SimulatedWorld, name: str) -> None:
    world.set_faults(Faults(script=(faults.MISLABELLED,), only=(name,)))
    async with client.stream("hi", providers=[name], max_tokens=50) as chunks:
        text = "".join([chunk.text async for chunk in chunks])
    assert text
    assert [one.error for one in chunks.completion.attempts] == [None]


@pytest.mark.parametrize("name", SEVEN)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_web_page_with_a_good_status_is_trouble_of_the_address(
    client: Client, world: SimulatedWorld, name: str, streamed: bool
) -> None:
    world.set_faults(Faults(script=(faults.PAGE,) * 9, only=(name,)))
    with pytest.raises(Exhausted) as caught:
        if streamed:
            async with client.stream("hi", providers=[name], max_tokens=50, wait=False) as chunks:
                await anext(chunks)
        else:
            await client.complete("hi", providers=[name], max_tokens=50, wait=False)
    assert {one.error for one in caught.value.decision.attempts} == {"malformed"}
    assert "the server answered with a web page (text/html)" in caught.value.message
    assert "is this the address of an API?" in str(caught.value.hint)


@pytest.mark.parametrize("name", SEVEN)
@pytest.mark.parametrize("status", [401, 403, 407])
async def test_a_login_page_of_the_network_does_not_shut_the_key(upstream: Upstream, name: str, status: int) -> None:
    """Its 401 was read as the provider's own."""
    page = reply("<html><title>Log in</title></html>", status=status, content_type="text/html")
    model = "m"
    for path in ("/chat/completions", f"/models/{model}:generateContent"):
        upstream.on(path, page)
    request = ChatRequest(model=model, messages=(Message(role="user", content="hi"),))
    backend = backend_of(name, upstream)
    try:
        with pytest.raises(Overloaded) as caught:
            await backend.complete(Call(request=request, model=model, max_output=9, attempt_id="a"))
    finally:
        await backend.aclose()
    assert "a web page answered, not the API" in caught.value.message
    assert str(caught.value.hint).startswith("is a proxy, a firewall or the network's login page in between?")
