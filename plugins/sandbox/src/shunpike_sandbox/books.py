"""The providers' own truth: what arrived, what was answered, what it cost.

Totals are exact for ever; the list of attempts is capped, so that a long run needs bounded memory.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any

ATTEMPTS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One request as its provider saw it; ``outcome`` is completed, cancelled, cut, dropped, failed or refused."""

    number: int
    attempt_id: str | None
    account: str
    model: str
    at: float
    status: int
    outcome: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    billed_pico: int = 0
    credit_pico: int = 0
    delivered_bytes: int = 0
    overage: bool = False


@dataclass(slots=True)
class Totals:
    """Exact sums. Every request ends as answered, refused, dropped or failed, or is still ``open``."""

    requests: int = 0
    answered: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    dropped: int = 0
    failed: int = 0
    cancelled: int = 0
    cut: int = 0
    open: int = 0
    overages: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    billed_pico: int = 0
    credit_pico: int = 0
    delivered_bytes: int = 0

    def add(self, attempt: BookEntry) -> None:
        """Book the end of an attempt."""
        self.open -= 1
        self.overages += attempt.overage
        self.delivered_bytes += attempt.delivered_bytes
        if attempt.outcome == "refused":
            self.refused[attempt.status] += 1
            return
        self.dropped += attempt.outcome == "dropped"
        self.failed += attempt.outcome == "failed"
        self.answered += attempt.outcome in ("completed", "cancelled", "cut")
        self.cancelled += attempt.outcome == "cancelled"
        self.cut += attempt.outcome == "cut"
        self.prompt_tokens += attempt.prompt_tokens
        self.completion_tokens += attempt.completion_tokens
        self.cached_tokens += attempt.cached_tokens
        self.billed_pico += attempt.billed_pico
        self.credit_pico += attempt.credit_pico

    def snapshot(self) -> dict[str, Any]:
        """Return the sums as plain data; statuses become text so that JSON keeps them."""
        plain = asdict(self)
        plain["refused"] = {str(status): number for status, number in sorted(self.refused.items())}
        return plain


class ProviderBooks:
    """One provider's books."""

    def __init__(self, kept: int = ATTEMPTS_KEPT) -> None:
        self._totals = Totals()
        self._accounts: dict[str, Totals] = {}
        self._attempts: deque[BookEntry] = deque(maxlen=kept)
        self._number = 0

    def arrive(self, account: str) -> int:
        """Book an arrival; return its number."""
        self._number += 1
        for totals in (self._totals, self._of(account)):
            totals.requests += 1
            totals.open += 1
        return self._number

    def leave(self, attempt: BookEntry) -> None:
        """Book the end of an attempt that has arrived."""
        self._totals.add(attempt)
        self._of(attempt.account).add(attempt)
        self._attempts.append(attempt)

    def snapshot(self, account: str | None = None, *, attempts: bool = True) -> dict[str, Any]:
        """Return everything as plain data, for one account or for all of them."""
        if account is None:
            totals, rows = self._totals, list(self._attempts)
        else:
            totals = self._accounts.get(account, Totals())
            rows = [attempt for attempt in self._attempts if attempt.account == account]
        plain = totals.snapshot()
        if attempts:
            plain["attempts"] = [asdict(attempt) for attempt in rows]
        return plain

    def _of(self, account: str) -> Totals:
        return self._accounts.setdefault(account, Totals())
