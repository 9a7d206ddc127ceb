"""What the command line means: a command, a plugin's command, or a question."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from shunpike.cli.commands import COMMANDS
from shunpike.errors import UsageError

_OWN_OPTIONS = frozenset({"-h", "--help", "--version", "--install-completion", "--show-completion"})
_WORD = re.compile(r"[a-z][a-z0-9_-]*")

Lookup = Callable[[str], Any]


def plugin_command(name: str) -> Any:
    """Return the plugin's command called ``name``, or None; only this imports plugins."""
    return import_module("shunpike.cli.extra").find(name)


def meant(
    arguments: Sequence[str], *, piped: bool, watched: bool = False, lookup: Lookup = plugin_command
) -> tuple[Any | None, tuple[str, ...]]:
    """Return the plugin's command that is meant (None = one of ours) and the arguments for it.

    A command's name means the command. A single plain word may be a plugin's command; if it is nearly one of ours it is
    a slip, which raises `UsageError`. Everything else is a question for ``ask``. Nothing at all is a talk where
    a person reads and writes (``watched`` and not ``piped``).
    """
    if not arguments:
        return None, ("ask",) if piped else ("chat",) if watched else ("--help",)
    first = arguments[0]
    if first in COMMANDS or first in _OWN_OPTIONS:
        return None, tuple(arguments)
    if first == "help":
        return None, (*arguments[1:2], "--help")
    if _WORD.fullmatch(first):
        command = lookup(first)
        if command is not None:
            return command, tuple(arguments[1:])
        near = get_close_matches(first, COMMANDS, n=1, cutoff=0.75)
        if near:
            raise UsageError(
                f'there is no command "{first}". Did you mean "{near[0]}"?',
                hint=f"shunpike {near[0]}   ·   or, if it is a question: shunpike ask {first}",
            )
    return None, ("ask", *arguments)


def stdout_is_watched() -> bool:
    """Tell whether a person reads what is written to stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def stdin_is_piped() -> bool:
    """Tell whether something may come in on stdin."""
    return sys.stdin is not None and not sys.stdin.isatty()
