"""Remembers the beginnings of prompts, as providers with a prefix cache do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import Turn
from shunpike_sandbox.tokens import MESSAGE_OVERHEAD, count

_KEPT = 512


def cached_prefix(account: SimulatedAccount, model: str, turns: Sequence[Turn], *, block: int, least: int) -> int:
    """Return how many tokens at the front of these turns were seen before, in whole blocks; then remember them."""
    digest = hashlib.sha256(model.encode())
    total = found = 0
    for turn in turns:
        digest.update(f"\0{turn.role}\0{turn.text}".encode("utf-8", "surrogatepass"))
        total += MESSAGE_OVERHEAD + count(turn.text)
        key = digest.hexdigest()
        if key in account.seen_prompts:
            found = total
            account.seen_prompts.move_to_end(key)
        account.seen_prompts[key] = None
    while len(account.seen_prompts) > _KEPT:
        account.seen_prompts.popitem(last=False)
    whole = found // block * block
    return whole if whole >= least else 0
