"""What runs now: attempts of this process by target, from the ledger's grant to their end."""

from __future__ import annotations

from collections.abc import Collection


class Load:
    """Counts the attempts that run."""

    def __init__(self) -> None:
        self._running: dict[str, int] = {}

    def began(self, label: str) -> None:
        """Note that an attempt at the target ``label`` was granted."""
        self._running[label] = self._running.get(label, 0) + 1

    def ended(self, label: str) -> None:
        """Note that one ended."""
        left = self._running.get(label, 0) - 1
        if left > 0:
            self._running[label] = left
        else:
            self._running.pop(label, None)

    def of(self, label: str) -> int:
        """Return how many run at the target ``label``."""
        return self._running.get(label, 0)

    def mean(self, labels: Collection[str]) -> float:
        """Return how many run at each of ``labels`` on average, 0 where there are none."""
        return sum(map(self.of, labels)) / len(labels) if labels else 0.0
