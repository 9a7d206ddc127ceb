"""The world behind the seven endpoints: accounts, limits, books, trouble and one clock."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from shunpike_sandbox.accounts import SimulatedAccount, open_account, valid
from shunpike_sandbox.books import ATTEMPTS_KEPT, ProviderBooks
from shunpike_sandbox.catalog import SandboxCatalog, bundled
from shunpike_sandbox.clock import SandboxClock, WallClock
from shunpike_sandbox.faults import Faults, FaultScript
from shunpike_sandbox.names import OWN
from shunpike_sandbox.visits import Visit

ATTEMPT_HEADER = "x-shunpike-attempt-id"
_STRANGER = "(invalid key)"


@dataclass(frozen=True, slots=True)
class ReplyPace:
    """How fast answers come, in seconds of the world's clock, and how many tokens share a chunk."""

    first_byte: float = 0.0
    between_chunks: float = 0.0
    chunk_tokens: int = 4


class SimulatedWorld:
    """Everything that the providers know and their clients do not."""

    def __init__(
        self,
        clock: SandboxClock | None = None,
        *,
        seed: int = 0,
        faults: Faults | None = None,
        pace: ReplyPace | None = None,
        catalog: SandboxCatalog | None = None,
    ) -> None:
        self.clock: SandboxClock = clock or WallClock()
        self.pace = pace or ReplyPace()
        self.catalog = catalog or bundled()
        self.seed = seed
        self._faults = FaultScript(faults or Faults(), seed)
        self._accounts: dict[tuple[str, str], SimulatedAccount] = {}
        self._books: dict[str, ProviderBooks] = {}
        self._revoked: set[tuple[str, str]] = set()
        self.reset()

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self._faults.faults

    def set_faults(self, faults: Faults, seed: int | None = None) -> None:
        """Replace the faults; their seed starts anew, so that a run can be repeated."""
        self._faults = FaultScript(faults, self.seed if seed is None else seed)

    def reset(self) -> None:
        """Forget accounts, limits and books; keep the clock, the catalog and the faults' settings."""
        self._accounts = {}
        self._revoked = set()
        self._books = {name: ProviderBooks(ATTEMPTS_KEPT) for name in self.catalog.providers}
        self._faults = FaultScript(self._faults.faults, self.seed)

    def books(self, account: str | None = None, *, attempts: bool = True) -> dict[str, Any]:
        """Return each provider's own truth as plain data, optionally of one account (its key)."""
        return {name: books.snapshot(account, attempts=attempts) for name, books in self._books.items()}

    def account(self, provider: str, key: str) -> SimulatedAccount:
        """Return the account that a valid key opens."""
        where = (provider, key)
        if where not in self._accounts:
            self._accounts[where] = open_account(key, self.catalog.providers[provider])
        return self._accounts[where]

    def revoke(self, provider: str, key: str) -> None:
        """Refuse a key that was valid from now on, as if its owner had revoked it; `reset` makes it valid again."""
        self._revoked.add((provider, key))

    def is_revoked(self, provider: str, key: str) -> bool:
        """Return whether a key was revoked."""
        return (provider, key) in self._revoked

    def arrive(self, provider: str, key: str | None, attempt_id: str | None) -> Visit:
        """Book the arrival of a request."""
        known = key is not None and (valid(key) or provider == OWN)
        # Unknown keys share one row: a guesser must not be able to grow the books.
        name = key if known and key is not None else _STRANGER
        books = self._books[provider]
        number = books.arrive(name)
        return Visit(
            books=books,
            provider=self.catalog.providers[provider],
            number=number,
            token=self._token(provider, number),
            at=self.clock.now(),
            account_name=name,
            attempt_id=attempt_id,
        )

    def fault(self, provider: str, *, streaming: bool, unspoken: AbstractSet[str] = frozenset()) -> str | None:
        """Draw the fault of one request; ``unspoken`` are kinds that the provider's dialect has no words for."""
        return self._faults.draw(provider, streaming=streaming, unspoken=unspoken)

    def _token(self, provider: str, number: int) -> str:
        """Return the stuff that ids are made of: the same at every run with the same seed."""
        return hashlib.sha256(f"{self.seed}/{provider}/{number}".encode()).hexdigest()
