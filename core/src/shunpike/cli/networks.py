"""What ``doctor`` says of the way to the providers: the proxies in force, where they were named, whom it trusts."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.cli.findings import Finding, Level, found
from shunpike.client import ProviderStatus

SECTION = "Network"


def findings(rows: Sequence[ProviderStatus]) -> list[Finding]:
    """Return a line for each proxy in force with who is reached through it, and one on the certificates.

    A proxy or a file that can't be used is told of with its provider.
    """
    asked = _asked(rows)
    told = [found(SECTION, Level.OK, one) for one in proxies(rows)] or [
        found(SECTION, Level.NOTE, "no proxy is in force")
    ]
    trusted = {row.trusted: None for row in asked if row.trusted}
    return [*told, *(found(SECTION, Level.OK, f"certificates: {one}") for one in trusted)]


def proxies(rows: Sequence[ProviderStatus]) -> list[str]:
    """Return a line for each proxy in force: its address, where it was named, and who is reached through it."""
    asked = _asked(rows)
    ways: dict[str, list[str]] = {}
    for row in asked:
        if row.proxy is not None:
            ways.setdefault(row.proxy, []).append(row.name)
    return [f"proxy {proxy}: for {_names(names, len(asked))}" for proxy, names in ways.items()]


def _asked(rows: Sequence[ProviderStatus]) -> list[ProviderStatus]:
    return [row for row in rows if row.state in ("ready", "no key", "unusable key")]


def _names(names: Sequence[str], all_of_them: int) -> str:
    return "all providers" if len(names) == all_of_them > 1 else ", ".join(names)
