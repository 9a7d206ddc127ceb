"""`Client.embed`: through plans and the ledger like everything else, but never with another model."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import AuthError, Exhausted, Overloaded, RequestError, UnknownModel, UnknownProvider, UsageError
from shunpike.types import (
    Basis,
    Billing,
    Budget,
    Evidence,
    Limit,
    Money,
    Price,
    Rolling,
    Unit,
    Usage,
    Verdict,
)
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import START, MakeClient
from .scripted_embedding import EmbeddingProvider, vectors


def plugins(*providers: ScriptedProvider) -> dict[str, Any]:
    for place, provider in enumerate(providers):
        provider.order = place
    return {provider.name: provider for provider in providers}


async def booked(client: Client) -> list[tuple[str, str, int, int, int]]:
    rows = await client.usage(0, START * 2)
    return [(row.provider, row.model, row.requests, row.prompt_tokens, row.completion_tokens) for row in rows]


async def test_texts_become_vectors_with_their_provenance(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", vectors((1, 2), (3, 4)))
    async with make_client(plugins(acme)) as client:
        done = await client.embed(["one", "two"], model="acme/embed-1")
        assert await booked(client) == [("acme", "embed-1", 1, 3, 0)]
    assert (done.vectors, done.dimensions) == (((1.0, 2.0), (3.0, 4.0)), 2)
    assert (done.provider, done.model, done.requested_model) == ("acme", "embed-1", "acme/embed-1")
    assert (done.usage, done.cost_exact) == (Usage(prompt_tokens=3), True)
    assert [one.error for one in done.attempts] == [None]
    assert acme.backend.embeds[0].request.input == ("one", "two")
    assert acme.backend.embeds[0].attempt_id == f"{done.request_id}-1"
    assert acme.backend.calls == []
    assert done.openai()["data"][1] == {"object": "embedding", "index": 1, "embedding": [3.0, 4.0]}


async def test_what_an_embedding_answer_says_of_limits_is_learned(make_client: MakeClient) -> None:
    told = Evidence(unit=Unit.REQUEST, amount=5, remaining=2, window_seconds=60.0, origin="header x")
    acme = EmbeddingProvider("acme", vectors(evidence=(told,)))
    async with make_client(plugins(acme)) as client:
        await client.embed("one", model="acme/embed-1")
        found = [(one.limit.amount, one.left) for target, one in await client.limits() if target.model.id == "embed-1"]
    assert found == [(5, 2)]


async def test_one_text_needs_no_list(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme")
    async with make_client(plugins(acme)) as client:
        assert len((await client.embed("one", model="embed-1")).vectors) == 1


async def test_the_same_model_elsewhere_takes_over(make_client: MakeClient) -> None:
    first = EmbeddingProvider("first", Overloaded("busy", provider="first", status=503))
    second = EmbeddingProvider("second", ids=("vendor/embed-1",))
    async with make_client(plugins(first, second)) as client:
        done = await client.embed("one", model="embed-1")
    assert (done.provider, [one.error for one in done.attempts]) == ("second", ["overloaded", None])


async def test_another_model_never_takes_over(make_client: MakeClient) -> None:
    first = EmbeddingProvider("first", AuthError("the key was rejected", provider="first", status=401))
    second = EmbeddingProvider("second", ids=("embed-2",))
    async with make_client(plugins(first, second)) as client:
        with pytest.raises(Exhausted):
            await client.embed("one", model="embed-1")
    assert second.backend.embeds == []


@pytest.mark.parametrize("name", ["auto", "acme/auto"])
async def test_a_model_must_be_named(make_client: MakeClient, name: str) -> None:
    async with make_client(plugins(EmbeddingProvider("acme"))) as client:
        with pytest.raises(UsageError, match="names no model") as caught:
            await client.embed("one", model=name)
    assert caught.value.hint == "embedding models: acme/embed-1"


async def test_a_chat_model_is_refused_with_those_that_embed(make_client: MakeClient) -> None:
    async with make_client(plugins(EmbeddingProvider("acme"))) as client:
        with pytest.raises(UsageError, match='"acme/m" is a chat model and makes no embeddings') as caught:
            await client.embed("one", model="acme/m")
    assert caught.value.hint == "embedding models: acme/embed-1"


async def test_an_embedding_model_does_not_chat(make_client: MakeClient) -> None:
    async with make_client(plugins(EmbeddingProvider("acme"))) as client:
        with pytest.raises(Exhausted, match="not a chat model"):
            await client.complete("hi", model="acme/embed-1")


async def test_an_ambiguous_name_is_refused(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", ids=("embed-1", "embed-2"))
    acme.models = tuple(one.model_copy(update={"aliases": ("embed",)}) for one in acme.models[1:])
    other = EmbeddingProvider("other")
    other.models = (other.embedding("embed"),)
    async with make_client(plugins(acme, other)) as client:
        with pytest.raises(UsageError, match="whose vectors can't be compared"):
            await client.embed("one", model="embed")


@pytest.mark.parametrize(
    ("texts", "options", "kind", "message"),
    [
        ([], {}, UsageError, "no text to embed"),
        (["one", " "], {}, UsageError, "text 1 is empty"),
        ("", {}, UsageError, "text 0 is empty"),
        ([1], {}, UsageError, "text 0"),
        ("one", {"dimensions": 0}, UsageError, "dimensions"),
        ("one", {"model": "nope"}, UnknownModel, "nope"),
        ("one", {"providers": ("nobody",)}, UnknownProvider, "nobody"),
        ("one", {"timeout": 0}, UsageError, "timeout"),
        ("long words " * 40, {}, UsageError, "40"),
    ],
)
async def test_what_cannot_be_is_named_and_nothing_is_sent(
    make_client: MakeClient, texts: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    acme = EmbeddingProvider("acme")
    async with make_client(plugins(acme)) as client:
        with pytest.raises(kind, match=message):
            await client.embed(texts, **{"model": "embed-1", **options})
    assert acme.backend.embeds == []


async def test_each_text_has_the_context_for_itself(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", vectors(*[(1, 2)] * 20))
    async with make_client(plugins(acme)) as client:
        assert len((await client.embed(["ten words or so stand here"] * 20, model="embed-1")).vectors) == 20


@pytest.mark.parametrize(
    "bad",
    [vectors((1, 2)), vectors((1, 2), (3,)), vectors((), ()), vectors((1, float("nan")), (1, 2))],
    ids=["too few", "unequal", "empty", "nan"],
)
async def test_vectors_that_cannot_be_right_are_billed_and_tried_elsewhere(make_client: MakeClient, bad: Any) -> None:
    first, second = EmbeddingProvider("first", bad), EmbeddingProvider("second", vectors((1, 2), (3, 4)))
    async with make_client(plugins(first, second)) as client:
        done = await client.embed(["one", "two"], model="embed-1")
        assert ("first", "embed-1", 1, 3, 0) in await booked(client)
    assert (done.provider, done.attempts[0].error) == ("second", "schema_invalid")


async def test_vectors_of_another_length_than_asked_are_refused(make_client: MakeClient) -> None:
    async with make_client(plugins(EmbeddingProvider("acme"))) as client:
        with pytest.raises(Exhausted, match="vectors of 2 dimensions, asked for 3"):
            await client.embed("one", model="embed-1", dimensions=3)


@pytest.mark.parametrize(
    ("served", "warned"), [("embed-1", False), ("embed-1-v2", False), ("vendor/embed-1", False), ("embed-2", True)]
)
async def test_a_swapped_model_is_said_aloud(make_client: MakeClient, served: str, warned: bool) -> None:
    async with make_client(plugins(EmbeddingProvider("acme", vectors(model=served)))) as client:
        done = await client.embed("one", model="embed-1")
    assert any("don't mix such vectors" in warning for warning in done.warnings) is warned


async def test_a_refused_request_is_not_retried_elsewhere(make_client: MakeClient) -> None:
    first = EmbeddingProvider("first", RequestError("no such dimension", provider="first", status=400))
    second = EmbeddingProvider("second")
    async with make_client(plugins(first, second)) as client:
        with pytest.raises(RequestError):
            await client.embed("one", model="embed-1")
    assert second.backend.embeds == []


async def test_a_limit_closes_before_anything_is_sent(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", limits=(Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60)),))
    async with make_client(plugins(acme)) as client:
        await client.embed("one", model="embed-1")
        with pytest.raises(Exhausted) as caught:
            await client.embed("one", model="embed-1", wait=False)
    assert len(acme.backend.embeds) == 1
    assert caught.value.decision.candidates[0].verdict is Verdict.DENIED


async def test_vectors_take_no_output_tokens(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", limits=(Limit(unit=Unit.OUTPUT_TOKEN, amount=1, window=Rolling(seconds=60)),))
    async with make_client(plugins(acme)) as client:
        for _ in range(3):
            await client.embed("one", model="embed-1")


async def test_money_needs_the_wall_open_and_is_booked_exactly(make_client: MakeClient) -> None:
    paid = {"billing": Billing.CARD, "price": Price.per_million("1", "0")}
    async with make_client(plugins(EmbeddingProvider("acme", **paid))) as client:
        with pytest.raises(Exhausted, match="allow_paid is off"):
            await client.embed("one", model="embed-1")
    budget = Budget(amount=Money.usd("1"), period="day")
    acme = EmbeddingProvider("acme", vectors(tokens=3), **paid)
    async with make_client(plugins(acme), allow_paid=True, budgets=(budget,)) as client:
        done = await client.embed("one", model="embed-1")
    assert (done.cost, done.list_price) == (Money.usd("0.000003"), Money.usd("0.000003"))


async def test_without_usage_the_worst_case_stays(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", vectors(tokens=None))
    async with make_client(plugins(acme)) as client:
        done = await client.embed("one", model="embed-1")
        # Tokens are a guess, but what nobody can be billed for costs exactly nothing.
        assert [(row.exact, row.prompt_tokens > 0) for row in await client.usage(0, START * 2)] == [(True, True)]
    assert (done.usage.basis, done.cost_exact) == (Basis.ESTIMATED, True)


async def test_a_backend_without_the_capability_is_passed_over_and_uses_nothing(make_client: MakeClient) -> None:
    able, unable = EmbeddingProvider("able"), ScriptedProvider("unable")
    unable.models = (able.embedding("embed-1").model_copy(update={"provider": "unable"}),)
    async with make_client(plugins(unable, able)) as client:
        done = await client.embed("one", model="embed-1")
    assert (done.provider, done.attempts[0].error) == ("able", "unsupported")


async def test_cancelling_settles_the_attempt(make_client: MakeClient) -> None:
    acme = EmbeddingProvider("acme", TimeoutError("late"))
    async with make_client(plugins(acme)) as client:
        with pytest.raises(Exhausted, match="timeout"):
            await client.embed("one", model="embed-1")
        assert [row.held for row in await client.usage(0, START * 2)] == [0]
