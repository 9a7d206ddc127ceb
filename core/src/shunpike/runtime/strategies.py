"""The strategies that a client has used, by their names."""

from __future__ import annotations

from shunpike.errors import ConfigError, UsageError
from shunpike.plugins import Host
from shunpike.routing.blaming import NamedStrategy
from shunpike.types import Settings


class Strategies:
    """Makes each strategy once."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self._host = host
        self._settings = settings
        self._made: dict[str, NamedStrategy] = {}

    def get(self, name: str) -> NamedStrategy:
        """Return the strategy ``name``. Raises `UsageError`, `ConfigError` where it is the settings' own."""
        if name not in self._made:
            found = self._host.strategy(name, self._settings.strategy_options)
            if found is None:
                wrong = ConfigError if name == self._settings.strategy else UsageError
                raise wrong(f'no installed plugin has a strategy called "{name}"', hint='the default is "priority"')
            self._made[name] = NamedStrategy(found, self._host.maker(found))
        return self._made[name]
