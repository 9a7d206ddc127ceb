"""A clock that tests turn; it is the core's own."""

from shunpike.virtual_clock import VirtualClock

__all__ = ["VirtualClock"]
