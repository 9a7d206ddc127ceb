"""The admin API: what is in force is shown and changed, by the operator alone, and written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shunpike.errors import ConfigError
from shunpike.types import GatewaySettings, Settings
from shunpike_gateway.admin import PREFIX
from shunpike_gateway.failed_logins import MOST

from ..running import AsgiAnswer, InProcessGateway  # noqa: TID252 - the tests are no package
from .making import ADMIN, CHAT, HELLO, bearer, make

pytestmark = pytest.mark.anyio


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[InProcessGateway]:
    """A gateway with an admin key."""
    async with InProcessGateway(settings, environ={"SHUNPIKE_ADMIN_KEY": ADMIN}) as running:
        yield running


async def asked(gateway: InProcessGateway, method: str, path: str, body: Any = None, **headers: str) -> AsgiAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {**bearer(ADMIN), "content-type": "application/json", **named}
    return await gateway.call(method, f"{PREFIX}/{path}", body, sent).whole()


async def test_each_list_is_one_page_of_rows(gateway: InProcessGateway) -> None:
    for path in ["controls", "providers", "health", "limits", "budgets", "decisions", "audit", "usage", "clients"]:
        await gateway.post(CHAT, HELLO)
        told = await asked(gateway, "GET", path)
        assert told.status == 200
        assert isinstance(told.json()["data"], list)
        assert told.json()["has_more"] is False
        wrong = await asked(gateway, "GET", f"{path}?provder=x")
        assert (wrong.status, wrong.json()["error"]["param"]) == (400, "provder")


async def test_a_key_is_made_shown_once_used_changed_revoked_and_forgotten(gateway: InProcessGateway) -> None:
    bounds = {
        "budgets": [{"amount": "5", "period": "month"}],
        "limits": [{"amount": 30, "unit": "request", "per": "60s"}],
        "models": ["auto"],
        "expires_at": "2099-01-01T00:00:00Z",
    }
    made = await asked(gateway, "POST", "clients", {"name": "ann/1 ü", **bounds, "reason": "asked for"})
    assert (made.status, made.headers["cache-control"]) == (201, "no-store")
    key, told = made.json()["key"], made.json()
    assert (told["state"], told["models"], told["budgets"][0]["amount"]) == ("active", ["auto"], "5")
    assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 200
    shown = await asked(gateway, "GET", "clients/ann/1 ü")
    assert shown.json() == {name: value for name, value in told.items() if name != "key"}
    changed = await asked(gateway, "PATCH", "clients/ann/1 ü", {"models": [], "no_paid": True})
    assert (changed.json()["models"], changed.json()["no_paid"]) == ([], True)
    assert changed.json()["budgets"] == told["budgets"]
    assert (await asked(gateway, "PATCH", "clients/ann/1 ü", {"revoked": True})).json()["state"] == "revoked"
    assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 401
    assert (await asked(gateway, "PATCH", "clients/ann/1 ü", {"revoked": False})).status == 400
    assert (await asked(gateway, "DELETE", "clients/ann/1 ü")).json() == {"name": "ann/1 ü", "removed": True}
    assert (await asked(gateway, "GET", "clients/ann/1 ü")).status == 404
    seen = ""
    for path in ("clients", "controls", "audit"):
        seen += (await asked(gateway, "GET", path)).body.decode()
    assert key not in seen
    assert "sha256" not in seen
    assert seen.count("admin API from 127.0.0.1") >= 4


async def test_the_hash_of_a_key_is_on_no_page(gateway: InProcessGateway) -> None:
    key, made = await make(gateway)
    for path in ("clients", "clients/ann", "controls", "audit"):
        told = (await asked(gateway, "GET", path)).body.decode()
        assert made.shown in told or path == "clients"
        assert made.sha256 not in told
        assert key not in told


async def test_no_field_is_set_that_is_not_named_and_none_to_what_it_can_not_be(gateway: InProcessGateway) -> None:
    for body, param in [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a", "sha256": "0" * 64}, "sha256"),
        ({"name": "a", "created_at": 0}, "created_at"),
        ({"name": "a", "revoked_at": None}, "revoked_at"),
        ({"name": "a", "revoked": False}, "revoked"),
        ({"name": "a", "key": "mine"}, "key"),
        ({"name": "a", "no_paid": 1}, "no_paid"),
        ({"name": "a", "models": "fast"}, "models"),
        ({"name": "a", "models": [""]}, None),
        ({"name": "a", "budgets": [{"amount": 5.5, "period": "month"}]}, "budgets"),
        ({"name": "a", "budgets": [{"amount": "5", "period": "week"}]}, "budgets"),
        ({"name": "a", "budgets": [{"amount": "5", "period": "day", "x": 1}]}, "budgets"),
        ({"name": "a", "limits": [{"amount": "80%"}]}, "limits"),
        ({"name": "a", "limits": [{"amount": -1, "unit": "request", "per": "60s"}]}, "limits"),
        ({"name": "a", "limits": [{"amount": 1, "unit": [], "per": {}}]}, "limits"),
        ({"name": "a", "limits": [{}] * 51}, "limits"),
        ({"name": "a", "expires_at": "soon"}, "expires_at"),
    ]:
        told = await asked(gateway, "POST", "clients", body)
        assert (told.status, told.json()["error"]["param"]) == (400, param)
        assert (await asked(gateway, "GET", "clients")).json()["data"] == []


async def test_a_switch_an_order_limits_and_attempts_are_in_force_and_taken_back(gateway: InProcessGateway) -> None:
    off = await asked(gateway, "PUT", "switches", {"name": "sandbox", "enabled": False, "reason": "a test"})
    assert off.status == 200
    assert (await gateway.post(CHAT, HELLO)).status == 500
    assert (await asked(gateway, "PUT", "switches", {"name": "sandbox", "enabled": True})).json()["data"] == []
    assert (await gateway.post(CHAT, HELLO)).status == 200
    await asked(gateway, "PUT", "order", {"order": ["sandbox"]})
    await asked(gateway, "PUT", "max-attempts", {"max_attempts": 2})
    limits = [{"amount": 3, "unit": "request", "per": "60s"}]
    done = await asked(gateway, "PUT", "limits", {"name": "sandbox", "limits": limits})
    assert {one["setting"] for one in done.json()["data"]} == {"order", "max_attempts", "limits"}
    assert "3" in (await asked(gateway, "GET", "limits?provider=sandbox")).body.decode()
    for path, body in (("order", {"order": None}), ("max-attempts", {"max_attempts": None})):
        await asked(gateway, "PUT", path, body)
    done = await asked(gateway, "PUT", "limits", {"name": "sandbox", "limits": None})
    assert done.json()["data"] == []
    first = (await asked(gateway, "GET", "audit")).json()["data"][-2:]
    assert {(one["name"], one["after"], one["signed"]["why"]) for one in first} >= {("sandbox", False, "a test")}


async def test_what_can_not_be_changed_changes_nothing(gateway: InProcessGateway) -> None:
    for path, body, status in [
        ("switches", {"name": "nobody", "enabled": False}, 404),
        ("switches", {"name": "sandbox/none", "enabled": False}, 404),
        ("switches", {"name": "sandbox", "enabled": "no"}, 400),
        ("order", {"order": ["nobody"]}, 404),
        ("order", {"order": ["sandbox", "sandbox"]}, 400),
        ("order", {"order": []}, 400),
        ("order", {}, 400),
        ("max-attempts", {"max_attempts": 0}, 400),
        ("max-attempts", {"max_attempts": True}, 400),
        ("limits", {"name": "nobody", "limits": None}, 404),
        ("limits", {"name": "sandbox", "limits": [{"amount": "x"}]}, 400),
    ]:
        assert (await asked(gateway, "PUT", path, body)).status == status
        assert (await asked(gateway, "GET", "controls")).json() == {"revision": 0, "data": [], "has_more": False}


async def test_who_decided_by_an_older_revision_changes_nothing(gateway: InProcessGateway) -> None:
    made = await asked(gateway, "PUT", "max-attempts", {"max_attempts": 2}, if_match='"0"')
    assert made.headers["etag"] == '"1"'
    for named in ('"0"', "zero", '"99"'):
        late = await asked(gateway, "PUT", "max-attempts", {"max_attempts": 5}, if_match=named)
        assert (late.status, late.json()["error"]["code"]) == (412, "revision_conflict")
    assert (await asked(gateway, "POST", "clients", {"name": "ann"}, if_match='"1"')).status == 201
    assert (await asked(gateway, "PATCH", "clients/ann", {"no_paid": True}, if_match='"1"')).status == 412
    assert (await asked(gateway, "POST", "clients", {"name": "ann"})).status == 409


async def test_pages_follow_one_another(gateway: InProcessGateway) -> None:
    for number in range(5):
        assert (await asked(gateway, "POST", "clients", {"name": f"k{number}"})).status == 201
    first = (await asked(gateway, "GET", "clients?limit=3")).json()
    rest = (await asked(gateway, "GET", f"clients?limit=3&after={first['next']}")).json()
    assert [one["name"] for one in (*first["data"], *rest["data"])] == [f"k{number}" for number in range(5)]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    newest = (await asked(gateway, "GET", "audit?limit=2")).json()
    older = (await asked(gateway, "GET", f"audit?limit=9&before={newest['next']}")).json()
    assert [one["revision"] for one in (*newest["data"], *older["data"])] == [5, 4, 3, 2, 1]
    for wrong in ("limit=0", "limit=501", "limit=x", "limit=\u0663"):
        assert (await asked(gateway, "GET", f"clients?{wrong}".encode().decode("latin-1"))).status == 400


async def test_a_decision_is_shown_with_who_asked_and_a_strange_one_is_not_found(gateway: InProcessGateway) -> None:
    answer = await gateway.post(CHAT, HELLO)
    name = answer.headers["x-request-id"]
    assert (await asked(gateway, "GET", f"decisions/{name}")).json()["request_id"] == name
    assert (await asked(gateway, "GET", "decisions/nothing")).status == 404
    assert (await asked(gateway, "GET", "decisions?client=ann")).json()["data"] == []


async def test_usage_of_a_time_that_ends_before_it_begins_is_told(gateway: InProcessGateway) -> None:
    told = await asked(gateway, "GET", "usage?since=5&until=4")
    assert (told.status, told.json()["error"]["param"]) == (400, "since")
    assert (await asked(gateway, "GET", "usage?until=0")).status == 200


async def test_what_changes_something_must_be_json(gateway: InProcessGateway) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/json-patch+json"):
        sent = {**bearer(ADMIN), "content-type": kind}
        told = await gateway.call("PUT", f"{PREFIX}/max-attempts", {"max_attempts": 2}, sent).whole()
        assert told.status == 415


async def test_many_wrong_admin_keys_have_to_wait_and_so_has_the_right_one(gateway: InProcessGateway) -> None:
    wrong = {"authorization": "Bearer wrong"}
    tries = [(await asked(gateway, "GET", "controls", **wrong)).status for _ in range(MOST + 1)]
    assert tries == [401] * MOST + [429]
    assert (await asked(gateway, "GET", "controls")).status == 429


async def test_without_an_admin_key_this_machine_is_the_operator_until_there_are_client_keys(
    settings: Settings,
) -> None:
    async with InProcessGateway(settings) as gateway:
        assert (await gateway.get(f"{PREFIX}/controls")).status == 200
        assert (await gateway.get(f"{PREFIX}/controls", {"origin": "https://evil.example"})).status == 403
        key, _ = await make(gateway)
        for headers in ({}, bearer(key)):
            told = await gateway.get(f"{PREFIX}/controls", headers)
            assert (told.status, told.json()["error"]["code"]) == (403, "admin_key_required")


async def test_pages_that_may_ask_for_answers_are_not_the_operator(settings: Settings) -> None:
    open_to_pages = settings.model_copy(update={"gateway": GatewaySettings(port=0, origins=("*",))})
    async with InProcessGateway(open_to_pages) as gateway:
        page = {"origin": "https://evil.example"}
        assert (await gateway.post(CHAT, HELLO, page)).status == 200
        assert (await gateway.get(f"{PREFIX}/controls", page)).status == 403


@pytest.mark.parametrize(
    ("fields", "environ", "status"),
    [
        ({"admin": False}, {"SHUNPIKE_ADMIN_KEY": ADMIN}, 404),
        ({"host": "0.0.0.0"}, {}, 404),  # noqa: S104
        ({"host": "0.0.0.0"}, {"SHUNPIKE_ADMIN_KEY": ADMIN}, 200),  # noqa: S104
        ({"host": "0.0.0.0", "admin": True}, {}, 404),  # noqa: S104
    ],
)
async def test_it_is_off_where_others_could_ask_without_a_key(
    settings: Settings, fields: dict[str, Any], environ: dict[str, str], status: int
) -> None:
    made = GatewaySettings(port=0, hosts=("*",), **fields)
    async with InProcessGateway(settings.model_copy(update={"gateway": made}), environ=environ) as gateway:
        assert (await gateway.get(f"{PREFIX}/controls", bearer(ADMIN))).status == status


async def test_an_admin_api_without_a_key_that_others_reach_does_not_start(settings: Settings) -> None:
    made = GatewaySettings(port=0, host="0.0.0.0", admin=True)  # noqa: S104
    async with InProcessGateway(settings.model_copy(update={"gateway": made})) as gateway:
        await make(gateway)
        with pytest.raises(ConfigError, match="admin API can be reached by others"):
            await gateway.surface.doorkeeper.check_bind()


@pytest.mark.parametrize(
    ("key", "said"),
    [("", "is empty"), ("   ", "is empty"), ("short", "16 are the least"), ("your-admin-key-here", "placeholder")],
)
async def test_an_admin_key_that_can_not_be_one_does_not_start(settings: Settings, key: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        InProcessGateway(settings, environ={"SHUNPIKE_ADMIN_KEY": key})
