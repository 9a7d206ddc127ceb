"""What ``Client(…)`` may be made with; anything else is rejected by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.client.option_names import MEANT
from shunpike.clock import Clock
from shunpike.config import Loaded
from shunpike.errors import UsageError
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import Settings
from shunpike.validation import near

_KINDS: Mapping[str, tuple[Any, str, str]] = {
    "settings": (
        Settings | Loaded,
        "a Settings object",
        "Client(Settings(order=(…), allow_paid=…)), or leave it out to read the files",
    ),
    "host": (Host, "a Host of plugins", "Host.load(), or leave it out"),
    "clock": (Clock, "a Clock", "leave it out for the machine's own"),
    "store": (Store, "a store object", 'to name one: Client(Settings(store="sqlite:/path/ledger.db"))'),
    "environ": (Mapping, "an object of names and values", "such as os.environ, or leave it out"),
}


def check_arguments(given: Mapping[str, Any], unknown: Mapping[str, object]) -> None:
    """Raise `UsageError` for an unknown argument, or one of the wrong kind. Its value may be a key, and isn't said."""
    for name in unknown:
        if name in Settings.model_fields:
            hint = f"it is a setting: Client(Settings({name}=…)), or a line of shunpike.toml"
        elif name in ("timeouts", "request_timeout", "deadline"):
            hint = 'Client(Settings(timeout=30)), or for one request: client.complete(…, timeout="30s")'
        else:
            hint = MEANT.get(name, f"the arguments: {', '.join(_KINDS)}")
        raise UsageError(f"Client has no argument {name!r}{near(name, _KINDS)}", hint=hint)
    for name, (kind, expected, hint) in _KINDS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, kind):
            raise UsageError(f"Client: {name} must be {expected}, got {type(value).__name__}", hint=hint)
