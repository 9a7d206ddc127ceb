"""The limits that providers grant, as their plugins list them."""

from __future__ import annotations

from shunpike.plugins import Host
from shunpike.protocols import Target
from shunpike.runtime.accounts import OWN
from shunpike.types import Limit


class GrantedLimits:
    """The limits granted to each target, asked once. None = nothing is known: then no money is risked there."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._found: dict[tuple[str, str, str], tuple[Limit, ...] | None] = {}

    def __call__(self, target: Target) -> tuple[Limit, ...] | None:
        """Return the limits of ``target``; a custom endpoint has none."""
        if target.tier == OWN:
            return ()
        key = (target.provider.id, target.model.id, target.tier)
        if key not in self._found:
            self._found[key] = self._host.limits(target.model, target.tier)
        return self._found[key]
