"""Addresses that are not the plugin's own: where requests and keys really go, and who says so."""

from __future__ import annotations

from collections.abc import Iterable

from shunpike.config import Origin
from shunpike.plugins import Host
from shunpike.types import ProviderSettings, Settings
from shunpike.types.base import Record
from shunpike.types.settings import DIRECT

ADDRESSES = ("base_url", "proxy")
"""Settings that say where to."""


class Overridden(Record):
    """An address that was set; ``provider`` None = of all. ``instead_of`` is the plugin's own, where it has one."""

    provider: str | None
    setting: str
    address: str
    instead_of: str | None
    origin: str

    @property
    def text(self) -> str:
        """The sentence for a person."""
        if self.setting == "base_url":
            how = f"at {self.address}" + (f", not at {self.instead_of}" if self.instead_of else "")
        else:
            how = "without a proxy, whatever the variables say" if self.address in DIRECT else f"through {self.address}"
        return f"{self.provider or 'every provider'} is asked {how} (from {self.origin})"


def overridden(origins: Iterable[Origin], settings: Settings, host: Host) -> tuple[Overridden, ...]:
    """Return every address in force that somebody set, and that is not the plugin's own anyway."""
    own = {info.id: info.base_url for info in host.providers()}
    found = []
    for one in origins:
        *section, setting = one.key.split(".")
        if setting not in ADDRESSES or one.origin == "default" or one.value is None:
            continue
        provider = ".".join(section[1:]) or None
        instead = _own_address(provider, settings, own) if setting == "base_url" else None
        if instead is None or instead.rstrip("/") != one.value:
            found.append(
                Overridden(provider=provider, setting=setting, address=one.text, instead_of=instead, origin=one.origin)
            )
    return tuple(found)


def _own_address(provider: str | None, settings: Settings, own: dict[str, str]) -> str | None:
    section = settings.providers.get(provider or "", ProviderSettings())
    return None if section.is_custom_endpoint else own.get(section.plugin or provider or "")
