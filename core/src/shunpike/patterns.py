"""Patterns of names: ``*`` and ``?`` stand for any characters, everything else for itself."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(pattern: str, name: str) -> bool:
    """Whether ``pattern`` fits the whole of ``name``, capitals included."""
    # A bracket begins no set of characters: names such as ``claude[1m]`` bear them.
    return fnmatchcase(name, pattern.replace("[", "[[]"))
