"""Remembers the beginnings of prompts, as providers with a prefix cache do."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from shunpike_sandbox.asks import ParsedRequest, Turn
from shunpike_sandbox.tokens import MESSAGE_OVERHEAD, count

_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class CacheRule:
    """How a provider's cache works: hits come in whole blocks, ``least`` tokens at least."""

    block: int
    least: int
    seconds: float
    """How long a beginning is kept after it was used last."""


class PromptCache:
    """The beginnings of prompts that one account sent, each with the moment of its last use."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, float] = OrderedDict()

    def hit(self, model: str, ask: ParsedRequest, rule: CacheRule, now: float) -> int:
        """Return how many tokens at the front of this prompt were seen before; then remember all of it."""
        digest = hashlib.sha256(model.encode())
        total = found = 0
        turns = [Turn("tools", ask.tools_text), *ask.turns] if ask.tools_text else ask.turns
        for turn in turns:
            digest.update(f"\0{turn.role}\0{turn.text}".encode("utf-8", "surrogatepass"))
            total += MESSAGE_OVERHEAD + count(turn.text)
            key = digest.hexdigest()
            if now - self._used.get(key, -rule.seconds) < rule.seconds:
                found = total
            self._used[key] = now
            self._used.move_to_end(key)
        while len(self._used) > _KEPT:
            self._used.popitem(last=False)
        whole = found // rule.block * rule.block
        return whole if whole >= rule.least else 0
