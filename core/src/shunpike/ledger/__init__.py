"""Reserve, then settle: requests, tokens, concurrency and money, all or nothing."""

from shunpike.ledger.admission import Ledger

__all__ = ["Ledger"]
