"""The limits that a client shows, with what is left of them."""

from __future__ import annotations

from shunpike.protocols import Target
from shunpike.runtime.endpoints import shown_at
from shunpike.runtime.runtime import Runtime
from shunpike.types import Remaining

ASKED = 2_592_000.0
"""Seconds for which a model that was asked is remembered, where nothing else names what an endpoint has."""


async def limits_shown(house: Runtime) -> tuple[tuple[Target, Remaining], ...]:
    """Return every limit in force with what is left of it, each shared bucket once."""
    seen: set[str] = set()
    rows = []
    for target in await _targets(house):
        for one in await house.remaining(target):
            if one.bucket not in seen:
                seen.add(one.bucket)
                rows.append((target, one))
    return tuple(rows)


async def _targets(house: Runtime) -> list[Target]:
    """An endpoint of the owner's own is not asked for this: its models are those that were named, or asked lately."""
    own = {account.name: account for account in house.own}
    found = [target for target in house.roster.targets if target.name not in own]
    if not own:
        return found
    now, asked = house.services.clock.now(), {name: set[str]() for name in own}
    for row in await house.ledger.usage(now - ASKED, now + 1.0):
        asked.get(row.provider, set()).add(row.model)
    return found + [one for name in own for one in shown_at(own[name], house.endpoints, asked[name])]
