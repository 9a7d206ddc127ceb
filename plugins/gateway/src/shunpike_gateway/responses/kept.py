"""Answers that can be named by ``previous_response_id``: in this process, for a while, and within a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from shunpike.clock import Clock
from shunpike_gateway.exchange import Caller

KEPT_SECONDS = 24 * 3600.0
MOST_BYTES = 64 * 1024 * 1024
"""What is kept at most, of all clients together; what was used last stays longest."""


@dataclass
class KeptResponse:
    """An answer with the whole conversation before it."""

    body: Mapping[str, Any]
    items: tuple[Any, ...]
    """What was asked and answered, of all turns up to this one."""
    size: int
    until_mono: float


class KeptResponses:
    """Keeps answers under who asked and their id: nobody reads another one's."""

    def __init__(self, clock: Clock, seconds: float = KEPT_SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, str], KeptResponse] = OrderedDict()
        self.size = 0
        """Bytes that are kept, about."""

    def keep(self, caller: Caller, body: Mapping[str, Any], asked: Sequence[Any]) -> None:
        """Keep the answer ``body`` to the items ``asked``, which hold all turns before it."""
        items = (*asked, *body["output"])
        kept = KeptResponse(body, items, len(to_json(items)), self._clock.monotonic() + self._seconds)
        self.drop(caller, body["id"])
        self._kept[caller.owner, body["id"]] = kept
        self.size += kept.size
        self._drop_old()

    def find(self, caller: Caller, response_id: str) -> KeptResponse | None:
        """Return the answer that ``caller`` got under that id, None where it is not kept any more."""
        key = (caller.owner, response_id)
        found = self._kept.get(key)
        if found is None or found.until_mono <= self._clock.monotonic():
            return None
        self._kept.move_to_end(key)
        return found

    def drop(self, caller: Caller, response_id: str) -> bool:
        """Forget an answer; return whether it was there."""
        found = self._kept.pop((caller.owner, response_id), None)
        if found is not None:
            self.size -= found.size
        return found is not None

    def _drop_old(self) -> None:
        now_mono = self._clock.monotonic()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if self.size <= self._most_bytes and oldest.until_mono > now_mono:
                return
            self._kept.popitem(last=False)
            self.size -= oldest.size

    def __len__(self) -> int:
        return len(self._kept)
