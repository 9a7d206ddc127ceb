"""What the admin API shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shunpike.client import Client
from shunpike.control import ControlStore
from shunpike.errors import UsageError
from shunpike.types import Money
from shunpike.types.control import AuditEntry, Controls, audited
from shunpike.types.plain import plain
from shunpike_gateway.admin.paging import known_only, moment_of, page, page_size, period_of
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiError, ApiFailure, RejectedBody
from shunpike_gateway.replies import json_reply


def not_found(what: str) -> ApiFailure:
    """Return the error for what is not there."""
    return ApiFailure(ApiError(404, "invalid_request_error", "not_found", what))


def rest_of(call: HttpCall, beginning: str) -> str:
    """Return what the path names behind ``beginning``."""
    return call.head.path.removeprefix(beginning)


def etag(revision: int) -> dict[str, str]:
    """Return the header that names a revision of what operators change."""
    return {"etag": f'"{revision}"'}


class Showing:
    """Reads what operators look at, of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def control(self) -> ControlStore:
        """Return where changes are kept. Raises `ApiFailure` where the store keeps none."""
        control = self._client.runtime.control
        if control is None:
            message = "this store keeps a ledger alone, and no changes of an operator"
            raise ApiFailure(ApiError(501, "api_error", "not_supported", message))
        return control

    async def controls(self, call: HttpCall) -> None:
        """Show what is changed by operators, all of it as of one revision."""
        known_only(call.head.query)
        now = await self.control().controls()
        await call.write(json_reply(controls_of(now), headers=etag(now.revision)))

    async def providers(self, call: HttpCall) -> None:
        """Show every provider and the state it is in."""
        known_only(call.head.query, "limit")
        await call.write(json_reply(page(await self._client.status(), page_size(call.head.query))))

    async def health(self, call: HttpCall) -> None:
        """Show how each provider does."""
        known_only(call.head.query, "limit")
        await call.write(json_reply(page(await self._client.health(), page_size(call.head.query))))

    async def limits(self, call: HttpCall) -> None:
        """Show every limit with what is left of it."""
        known_only(call.head.query, "limit", "provider")
        only = call.head.query.get("provider")
        rows = [
            {"provider": target.name, "model": target.model.id, **plain(left)}
            for target, left in await self._client.limits()
            if only is None or target.name == only
        ]
        await call.write(json_reply(page(rows, page_size(call.head.query))))

    async def budgets(self, call: HttpCall) -> None:
        """Show every budget of the owner with what is left of it."""
        known_only(call.head.query)
        rows = [
            {**plain(one), "used": plain(Money(pico=left.used)), "left": plain(Money(pico=left.left))}
            for one, left in await self._client.ledger.budgets()
        ]
        await call.write(json_reply(page(rows, len(rows))))

    async def decisions(self, call: HttpCall) -> None:
        """Show why the latest requests went where they went, newest first."""
        known_only(call.head.query, "limit", "before", "client")
        size, before = page_size(call.head.query), moment_of(call.head.query, "before")
        found = await self._client.decisions(before, size + 1)
        whose = call.head.query.get("client")
        told = page(found, size, lambda one: one.began_at)
        if whose is not None:
            told["data"] = [one for one in told["data"] if one["principal"] == whose]
        await call.write(json_reply(told))

    async def decision(self, call: HttpCall, beginning: str) -> None:
        """Show why one request went where it went."""
        known_only(call.head.query)
        name = rest_of(call, beginning)
        try:
            found = await self._client.explain(name)
        except UsageError as error:
            raise not_found(error.message) from None
        await call.write(json_reply(plain(found)))

    async def audit(self, call: HttpCall) -> None:
        """Show who changed what, newest first."""
        known_only(call.head.query, "limit", "before")
        size, before = page_size(call.head.query), call.head.query.get("before", "")
        bound = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        if before and bound is None:
            raise RejectedBody(f"before should be a revision, got {before[:40]!r}", param="before")
        entries = await self.control().audit(bound, size + 1)
        shown = whole_revisions(entries, size)
        told = page(entries, len(shown), lambda one: one.revision)
        await call.write(json_reply(told))

    async def usage(self, call: HttpCall) -> None:
        """Show what was used of each model from a moment until another; without any, of the last day."""
        known_only(call.head.query, "since", "until")
        since, until = period_of(call.head.query, self._client.clock.now())
        rows = await self._client.usage(since, until)
        await call.write(json_reply(page(rows, len(rows))))


def whole_revisions(entries: Sequence[AuditEntry], size: int) -> Sequence[AuditEntry]:
    """Return as many of ``entries`` as fit into a page without a revision that is cut in two.

    A revision that is larger than a page is shown whole as far as it was read.
    """
    if len(entries) <= size:
        return entries
    last = entries[-1].revision
    whole = [one for one in entries if one.revision != last]
    return whole or entries


def controls_of(now: Controls) -> dict[str, Any]:
    """Return what is in force, without what opens anything."""
    rows = [{**plain(one), "value": audited(plain(one.value))} for one in now.overrides]
    return {"revision": now.revision, "data": rows, "has_more": False}
