"""The list of models, for clients of two APIs."""

from __future__ import annotations

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package


async def test_models_are_listed_in_both_words(gateway: InProcessGateway) -> None:
    body = (await gateway.get("/v1/models")).json()
    assert body["object"] == "list"
    assert body["has_more"] is False
    ids = [one["id"] for one in body["data"]]
    assert ids[0] == "auto"
    assert (body["first_id"], body["last_id"]) == (ids[0], ids[-1])
    assert all(one["object"] == one["type"] == "model" and one["display_name"] for one in body["data"])
    named = next(one for one in body["data"] if one["id"].startswith("sandbox/"))
    assert named["owned_by"] == "sandbox"
    assert (await gateway.get(f"/v1/models/{named['id']}")).json() == named


async def test_a_limit_bounds_the_list(gateway: InProcessGateway) -> None:
    body = (await gateway.get("/v1/models?limit=1")).json()
    assert len(body["data"]) == 1
    assert body["has_more"] is True


async def test_a_model_that_is_not_there_is_not_found(gateway: InProcessGateway) -> None:
    answer = await gateway.get("/v1/models/some/thing")
    assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_found")
