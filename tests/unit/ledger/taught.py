"""A ledger over one store in memory, its clock, and short ways to let attempts end."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger import Ledger
from shunpike.types import ABSENT, Denial, Evidence, Grant, Limit, Outcome, Settings, Unit, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, target


class Rig:
    """A ledger over one store, its clock, and short ways to let attempts end."""

    def __init__(self, limits: Sequence[Limit], settings: Settings | None = None) -> None:
        self.clock, self.store = VirtualClock(), MemoryStore()
        self.books = Ledger(self.store, self.clock, settings or Settings(), lambda _: limits)
        self._number = 0

    async def left(self) -> list[int]:
        return [one.left for one in await self.books.remaining(target())]

    async def ends(self, *evidence: Evidence, **fields: object) -> Grant | Denial:
        self._number += 1
        name = f"a{self._number}"
        answer = await self.books.admit(target(), ask(name))
        if isinstance(answer, Grant):
            known = {"at": self.clock.now(), "usage": Usage(), "evidence": evidence}
            await self.books.settle(target(), ask(name), Outcome.model_validate({**known, **fields}))
        return answer

    async def refused(self, *evidence: Evidence, wait: float = 36.0) -> Grant | Denial:
        until = self.clock.now() + wait
        how = {"error": "rate_limited", "status": 429, "billed": False, "usage": ABSENT, "closed_until": until}
        return await self.ends(*evidence, **how)


def seen(unit: Unit = Unit.REQUEST, **fields: object) -> Evidence:
    return Evidence.model_validate({"unit": unit, "origin": "header x", **fields})
