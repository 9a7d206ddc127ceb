"""How often somebody may try a key that is none: bounded by address, so that no weak key is found by trying."""

from __future__ import annotations

from collections import OrderedDict, deque

MOST = 20
"""Failures of one address within `WINDOW` until it has to wait."""
WINDOW = 60.0
"""Seconds for which a failure counts."""
_ADDRESSES = 4_096
"""How many addresses are remembered: the one that failed longest ago is forgotten for a new one."""


class FailedLogins:
    """Counts failures by address. Moments are read from the monotonic clock."""

    def __init__(self) -> None:
        self._failed_mono: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str, now_mono: float) -> None:
        """Note a failure."""
        known = self._failed_mono.setdefault(address, deque(maxlen=MOST))
        known.append(now_mono)
        self._failed_mono.move_to_end(address)
        if len(self._failed_mono) > _ADDRESSES:
            self._failed_mono.popitem(last=False)

    def wait(self, address: str, now_mono: float) -> float:
        """Return the seconds after which ``address`` may try again; 0 = now."""
        known = self._failed_mono.get(address)
        if known is None or len(known) < MOST:
            return 0.0
        return max(0.0, known[0] + WINDOW - now_mono)
