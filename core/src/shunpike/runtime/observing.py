"""The log of events that the settings ask for: one observer for each host, whoever makes clients of it."""

from __future__ import annotations

from shunpike.errors import ConfigError
from shunpike.installation import extra_hint
from shunpike.plugins import Host
from shunpike.types import Settings

NAME = "log"
"""What the observer is registered as."""


def write_log(host: Host, settings: Settings) -> None:
    """Let every event be logged where ``log`` says so. Raises `ConfigError` where what writes it is not installed."""
    if settings.log == "off" or any(one.name == NAME for one in host.loaded):
        return
    try:
        from shunpike.builtin.event_log import event_log
    except ImportError:
        raise ConfigError(
            f'log = "{settings.log}" needs structlog, which is not installed', hint=extra_hint("log")
        ) from None
    host.register(event_log(settings.log), NAME)
