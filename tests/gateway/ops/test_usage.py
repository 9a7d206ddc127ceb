"""What was used: each client key sees its own, and where no key is needed, who asks sees all."""

from __future__ import annotations

from typing import Any

import pytest

from ..keys.making import CHAT, HELLO, bearer, make  # noqa: TID252 - the tests are no package
from ..running import InProcessGateway  # noqa: TID252

pytestmark = pytest.mark.anyio


async def used(gateway: InProcessGateway, key: str | None = None, query: str = "") -> Any:
    answer = await gateway.get(f"/v1/usage{query}", bearer(key) if key else {})
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def test_each_key_sees_its_own_and_no_other(gateway: InProcessGateway) -> None:
    ann, bob = (await make(gateway, "ann"))[0], (await make(gateway, "bob"))[0]
    for key in (ann, ann, bob):
        assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 200
    of_ann, of_bob = await used(gateway, ann), await used(gateway, bob)
    assert (of_ann["client"], of_ann["total"]["requests"], of_ann["total"]["answered"]) == ("ann", 2, 2)
    assert (of_bob["client"], of_bob["total"]["requests"]) == ("bob", 1)
    assert of_ann["total"]["prompt_tokens"] == 2 * of_bob["total"]["prompt_tokens"] > 0
    assert (await gateway.client.usage(0.0, 1e11))[0].requests == 3


async def test_without_keys_who_asks_sees_all(gateway: InProcessGateway) -> None:
    assert (await used(gateway))["total"] is None
    await gateway.post(CHAT, HELLO)
    told = await used(gateway)
    (row,) = told["data"]
    assert (told["client"], row["provider"], row["requests"], row["exact"]) == (None, "sandbox", 1, True)
    assert told["total"]["requests"] == 1


async def test_rows_are_of_what_was_asked_for(gateway: InProcessGateway) -> None:
    for model in ("sandbox/auto", "sandbox/echo-1"):
        assert (await gateway.post(CHAT, {**HELLO, "model": model})).status == 200
    by_provider = (await used(gateway, query="?by=provider"))["data"]
    assert [(row["provider"], row["model"], row["requests"]) for row in by_provider] == [("sandbox", "*", 2)]
    (day,) = (await used(gateway, query="?by=day"))["data"]
    assert len(day["day"]) == 10
    assert {row["tag"] for row in (await used(gateway, query="?by=tag"))["data"]} == {""}
    assert (await used(gateway, query="?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z"))["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [("?by=week", "by"), ("?since=yesterday", "since"), ("?since=5&until=4", "since"), ("?days=3", "days")],
)
async def test_what_is_misspelt_is_told(gateway: InProcessGateway, query: str, param: str) -> None:
    answer = await gateway.get(f"/v1/usage{query}")
    assert (answer.status, answer.json()["error"]["param"]) == (400, param)
