"""Request limits as providers keep them: fixed windows at any phase, rolling ones, token buckets."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple, Protocol


class Said(NamedTuple):
    """What an answer says: whether it was served, how much is left, and the seconds to the reset."""

    served: bool
    left: int
    reset: float


class Provider(Protocol):
    """One limit of one account."""

    def ask(self, now: float) -> Said: ...


class FixedWindow:
    def __init__(self, amount: int, seconds: float, phase: float) -> None:
        self.amount, self.seconds, self.phase = amount, seconds, phase * seconds
        self.period, self.used = 0, 0

    def ask(self, now: float) -> Said:
        period = math.floor((now - self.phase) / self.seconds)
        if period != self.period:
            self.period, self.used = period, 0
        served = self.used < self.amount
        self.used += served
        return Said(served, self.amount - self.used, (period + 1) * self.seconds + self.phase - now)


class RollingWindow:
    def __init__(self, amount: int, seconds: float, phase: float) -> None:
        self.amount, self.seconds = amount, seconds
        self.log: deque[float] = deque()
        self.full = phase < 0.5
        """Whether it states when all is there again, and not the next one."""

    def ask(self, now: float) -> Said:
        while self.log and self.log[0] <= now - self.seconds:
            self.log.popleft()
        served = len(self.log) < self.amount
        if served:
            self.log.append(now)
        told = self.log[-1 if self.full else 0] if self.log else now
        return Said(served, self.amount - len(self.log), told + self.seconds - now)


class TokenBucket:
    def __init__(self, amount: int, seconds: float, phase: float) -> None:
        self.amount, self.rate = amount, amount / seconds
        self.level, self.at = float(amount), 0.0
        self.full = phase < 0.5

    def ask(self, now: float) -> Said:
        self.level = min(self.amount, self.level + (now - self.at) * self.rate)
        self.at = now
        served = self.level >= 1
        self.level -= served
        lacks = self.amount - self.level if self.full else max(0.0, 1 - self.level)
        return Said(served, math.floor(self.level), lacks / self.rate)


SHAPES = (FixedWindow, RollingWindow, TokenBucket)
