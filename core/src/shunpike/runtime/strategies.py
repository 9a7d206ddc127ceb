"""The strategies that were used, by their names and options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shunpike.errors import ConfigError, UsageError
from shunpike.plugins import Host
from shunpike.routing.blaming import NamedStrategy
from shunpike.types import Settings
from shunpike.validation import near


class Strategies:
    """Makes each strategy once."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self._host = host
        self._default = settings.strategy
        self._options = settings.strategy_options
        self._made: dict[tuple[str, str], NamedStrategy] = {}

    def are_of(self, settings: Settings) -> bool:
        """Whether ``settings`` would make the same ones."""
        return (settings.strategy, settings.strategy_options) == (self._default, self._options)

    def get(self, name: str, options: Mapping[str, Any] | None = None) -> NamedStrategy:
        """Return the strategy ``name`` with ``options``, None = the settings' own.

        Raises `UsageError`, and `ConfigError` where settings name it, or its options can't be.
        """
        key = (name, "" if options is None else json.dumps(options, sort_keys=True, default=str))
        if key not in self._made:
            found = self._host.strategy(name, self._options if options is None else options)
            if found is None:
                wrong = ConfigError if name == self._default or options is not None else UsageError
                known = self._host.strategy_names()
                text = f'no installed plugin has a strategy called "{name}"{near(name, known)}'
                raise wrong(text, hint=f"there are: {', '.join(known)}")
            self._made[key] = NamedStrategy(found, self._host.maker(found))
        return self._made[key]
