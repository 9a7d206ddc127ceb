"""What of the ledger's blocks is about the accounts as they are set up now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from shunpike.routing.shared_health import place_of
from shunpike.routing.trouble import TroubleScope
from shunpike.runtime.accounts import Account
from shunpike.types import Block

Blocks: TypeAlias = Mapping[str, Block]
"""Bucket → block."""


def of_keys_in_use(blocks: Blocks, accounts: Mapping[str, Account]) -> Blocks:
    """Return the blocks without those of keys that an account had before the one that it has now."""
    return {bucket: one for bucket, one in blocks.items() if not _is_former(bucket, accounts)}


def _is_former(bucket: str, accounts: Mapping[str, Account]) -> bool:
    place = place_of(bucket)
    if place is None or place[0] is not TroubleScope.KEY:
        return False
    name, _, fingerprint = place[1].partition(" ")
    # What is not set up here may be so for another process, with that very key.
    return name in accounts and accounts[name].key.fingerprint != fingerprint
