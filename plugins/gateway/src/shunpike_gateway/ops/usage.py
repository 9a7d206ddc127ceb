"""What was used: of the client key that asks, or of all where no key is needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from shunpike.client import Client
from shunpike.types import UsageRow
from shunpike.types.base import iso
from shunpike.types.plain import plain
from shunpike.types.usage_rows import ANY_MODEL, added, by_provider
from shunpike_gateway.admin.paging import known_only, period_of
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.replies import json_reply

BY = ("model", "provider", "day", "tag")
"""What each row may be of, beside its provider."""


class UsageEndpoint:
    """Answers ``GET /v1/usage``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, call: HttpCall) -> None:
        """Tell what was used from a moment until another; without any, of the last day. Raises `RejectedBody`."""
        query, caller = call.head.query, call.head.caller
        known_only(query, "since", "until", "by")
        by = query.get("by", BY[0])
        if by not in BY:
            raise RejectedBody(f"by should be one of {', '.join(BY)}, got {by[:40]!r}", param="by")
        since, until = period_of(query, self._client.clock.now())
        principal = None if caller.principal is None else caller.principal.id
        rows = await self._client.ledger.usage_by(since, until, day=by == "day", tag=by == "tag", principal=principal)
        rows = by_provider(rows) if by == "provider" else rows
        told = {
            "object": "list",
            "client": caller.name,
            "since": iso(since),
            "until": iso(until),
            "by": by,
            "data": [_shown(one) for one in rows],
            "total": _total(rows),
            "has_more": False,
        }
        await call.write(json_reply(told, headers={"cache-control": "no-store"}))


def _total(rows: Sequence[UsageRow]) -> dict[str, Any] | None:
    if not rows:
        return None
    every = {"provider": ANY_MODEL, "model": ANY_MODEL, "day": None, "tag": None}
    return _shown(reduce(added, rows).model_copy(update=every))


def _shown(row: UsageRow) -> dict[str, Any]:
    return {**plain(row), "saved": plain(row.saved), "exact": row.exact}
