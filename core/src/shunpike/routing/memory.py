"""What this process learned from failures: keys that were refused, models that are gone, providers in trouble."""

from __future__ import annotations

from shunpike.clock import Clock
from shunpike.errors import AuthError, CreditsExhausted, NotHere, Overloaded, ProviderError
from shunpike.protocols import Target
from shunpike.routing.send import UNSENT

GONE_FOR = 3_600.0
"""Seconds for which a model that a provider does not offer is left alone."""
CREDITS_FOR = 600.0
"""Seconds for which an account without money is left alone."""
FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 60.0
_GONE_KINDS = frozenset({"not_found", "retired", "tier"})


class Memory:
    """Closed for good (hard) or better tried last (soft). Cool-downs only ever grow until a success ends them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hard: dict[str, tuple[float, str]] = {}
        self._soft: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def learn(self, target: Target, error: ProviderError) -> None:
        """Take in a failed attempt."""
        now = self._clock.now()
        if isinstance(error, AuthError):
            self._close(target.name, float("inf"), f"{error.kind}: {error.message}")
        elif isinstance(error, CreditsExhausted):
            self._close(target.name, now + CREDITS_FOR, f"{error.kind}: {error.message}")
        elif isinstance(error, NotHere) and error.kind in _GONE_KINDS:
            self._close(target.label, now + GONE_FOR, f"{error.kind}: {error.message}")
        elif isinstance(error, Overloaded) and error.kind != UNSENT:
            count = self._failures.get(target.label, 0) + 1
            self._failures[target.label] = count
            wait = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** (count - 1))
            until = max(now + wait, error.retry_at or 0.0)
            self._soft[target.label] = max(until, self._soft.get(target.label, 0.0))

    def _close(self, name: str, until: float, reason: str) -> None:
        known = self._hard.get(name, (0.0, ""))
        self._hard[name] = max(known, (until, reason))

    def succeeded(self, target: Target) -> None:
        """A success ends the trouble of ``target``."""
        self._failures.pop(target.label, None)
        self._soft.pop(target.label, None)

    def closed(self, target: Target) -> tuple[float | None, str] | None:
        """Return (until, reason) when nothing may be sent to ``target``; until is None when no time opens it."""
        for name in (target.name, target.label):
            until, reason = self._hard.get(name, (0.0, ""))
            if until > self._clock.now():
                return (None if until == float("inf") else until), reason
        return None

    def soft(self) -> dict[str, float]:
        """Return label → until of the targets that are better tried last."""
        now = self._clock.now()
        return {label: until for label, until in self._soft.items() if until > now}
