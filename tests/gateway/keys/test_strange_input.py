"""Nothing that is sent to the admin API reaches further than it may: no statement, no field, no path, no page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shunpike.types import Settings
from shunpike_gateway.admin import PREFIX
from shunpike_gateway.admin.changing import who_asks
from shunpike_gateway.exchange import Head

from ..running import AsgiAnswer, InProcessGateway  # noqa: TID252 - the tests are no package
from .making import ADMIN, CHAT, HELLO, bearer

pytestmark = pytest.mark.anyio
SEEN_WITHIN = 1.0
"""Seconds after which every process asks the store again."""
STRANGE = (
    *("' OR '1'='1", "'; DROP TABLE control_overrides; --", '" OR ""="', "1; SELECT pg_sleep(9)", "%' OR name LIKE '%"),
    *("%_%", "\\", "?", "$1", "{{7*7}}", "${7*7}", "%s%n", "<script>alert(1)</script>", "../../etc/passwd"),
    *("http://169.254.169.254/", "file:///etc/passwd", "a/b/c", "ann\u202egnp", "\u0130", "nul\x00l", "line\nline"),
)


@pytest.fixture
async def gateway(settings: Settings, tmp_path: Path) -> AsyncIterator[InProcessGateway]:
    """A gateway whose controls are in a database."""
    kept = settings.model_copy(update={"store": f"sqlite:{tmp_path / 'ledger.db'}"})
    async with InProcessGateway(kept, environ={"SHUNPIKE_ADMIN_KEY": ADMIN}) as running:
        yield running


async def asked(gateway: InProcessGateway, method: str, path: str, body: Any = None) -> AsgiAnswer:
    sent = {**bearer(ADMIN), "content-type": "application/json"}
    return await gateway.call(method, f"{PREFIX}/{path}", body, sent).whole()


async def test_a_name_is_a_name_whatever_it_looks_like(gateway: InProcessGateway) -> None:
    made = []
    for text in STRANGE:
        told = await asked(gateway, "POST", "clients", {"name": text, "models": [text[:5] or "x"], "reason": "x"})
        assert told.status in (201, 400), text
        if told.status == 201:
            made.append(text)
            assert (await asked(gateway, "GET", f"clients/{text}")).status == (200 if "?" not in text else 404)
    assert made == [text for text in STRANGE if text.isprintable()]
    listed = (await asked(gateway, "GET", "clients")).json()["data"]
    assert sorted(one["name"] for one in listed) == sorted(made)
    assert len((await asked(gateway, "GET", "audit")).json()["data"]) == len(made)


async def test_no_parameter_is_a_statement(gateway: InProcessGateway) -> None:
    for text in STRANGE:
        quoted = "".join(f"%{byte:02x}" for byte in text.encode())
        for path, name in (("audit", "before"), ("audit", "limit"), ("decisions", "before"), ("usage", "since")):
            assert (await asked(gateway, "GET", f"{path}?{name}={quoted}")).status == 400, (path, name, text)
        assert (await asked(gateway, "GET", f"decisions?client={quoted}")).json()["data"] == []
        assert (await asked(gateway, "GET", f"limits?provider={quoted}")).json()["data"] == []
        assert (await asked(gateway, "PUT", "switches", {"name": text, "enabled": False})).status in (400, 404)
        assert (await asked(gateway, "PUT", "limits", {"name": text, "limits": None})).status in (400, 404)
    assert (await asked(gateway, "GET", "controls")).json()["revision"] == 0


CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PUT", "switches", {"name": "sandbox", "enabled": True}),
    ("PUT", "order", {"order": ["sandbox"]}),
    ("PUT", "max-attempts", {"max_attempts": 3}),
    ("PUT", "limits", {"name": "sandbox", "limits": None}),
    ("PATCH", "clients/ann", {"no_paid": True}),
)
NOT_THEIRS = (
    "who",
    "at",
    "revision",
    "signed",
    "sha256",
    "shown",
    "created_at",
    "revoked_at",
    "principal",
    "__class__",
)


async def test_no_body_sets_what_is_not_its_own(gateway: InProcessGateway) -> None:
    await asked(gateway, "POST", "clients", {"name": "ann"})
    for method, path, body in CHANGES:
        for field in NOT_THEIRS:
            told = await asked(gateway, method, path, {**body, field: 1})
            assert (told.status, told.json()["error"]["param"]) == (400, field)
    assert (await asked(gateway, "GET", "controls")).json()["revision"] == 1


async def test_what_is_no_object_changes_nothing(gateway: InProcessGateway) -> None:
    for body in (b"", b"[]", b"null", b'{"name": "a", "name": "b"}', b'{"name": NaN}', b"{", b"\xff"):
        sent = {**bearer(ADMIN), "content-type": "application/json", "content-length": str(len(body))}
        assert (await gateway.call("POST", f"{PREFIX}/clients", body, sent).whole()).status == 400
    assert (await asked(gateway, "GET", "clients")).json()["data"] == []


async def test_a_key_that_another_process_makes_opens_here_and_no_more_once_that_revokes_it(
    gateway: InProcessGateway, settings: Settings
) -> None:
    """Within a second, which is not measured here: only that no request of this process brought it about."""
    kept = settings.model_copy(update={"store": gateway.client.settings.store})
    assert (await gateway.post(CHAT, HELLO)).status == 200
    async with InProcessGateway(kept, environ={"SHUNPIKE_ADMIN_KEY": ADMIN}) as other:
        key = (await asked(other, "POST", "clients", {"name": "ann"})).json()["key"]
        await gateway.client.clock.sleep(SEEN_WITHIN)
        assert [(await gateway.post(CHAT, HELLO, sent)).status for sent in ({}, bearer(key))] == [401, 200]
        await asked(other, "PATCH", "clients/ann", {"revoked": True})
        await gateway.client.clock.sleep(SEEN_WITHIN)
        assert (await gateway.post(CHAT, HELLO, bearer(key))).status == 401


@pytest.mark.parametrize(
    ("peer", "who"),
    [
        ("127.0.0.1", "admin API from 127.0.0.1"),
        ("::1", "admin API from ::1"),
        ("", "admin API"),
        ("\x1b[31mroot", "admin API"),
        ("10.0.0.1, 10.0.0.2", "admin API"),
    ],
)
def test_who_changed_something_is_an_address_or_nothing(peer: str, who: str) -> None:
    assert who_asks(Head("PUT", "/", peer=peer)) == who
