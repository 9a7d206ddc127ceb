"""What an operator changes while processes run: one small store, followed by every process that uses it."""

from shunpike.control.client_keys import ClientKeys, NamedKey
from shunpike.control.database import DatabaseControl
from shunpike.control.follower import Follower
from shunpike.control.memory import MemoryControl
from shunpike.control.overlay import overlaid, why_off
from shunpike.control.place import control_of
from shunpike.control.store import ControlStore, HasControl, RevisionConflict

__all__ = [
    "ClientKeys",
    "ControlStore",
    "DatabaseControl",
    "Follower",
    "HasControl",
    "MemoryControl",
    "NamedKey",
    "RevisionConflict",
    "control_of",
    "overlaid",
    "why_off",
]
