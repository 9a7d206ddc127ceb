"""What is known of an installed plugin."""

from __future__ import annotations

from shunpike.types.base import Record


class LoadedPlugin(Record):
    """A plugin that works: where it comes from and what it brings."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...]
    providers: tuple[str, ...] = ()


class Broken(Record):
    """A plugin that could not be loaded, and why."""

    name: str
    distribution: str
    version: str
    reason: str
