"""What is said of the configuration, each once in a process; the command line says it in its own form."""

from __future__ import annotations

import warnings

from shunpike.errors import ConfigWarning
from shunpike.masking import masked

_said: set[str] = set()


def warn_once(text: str, hint: str) -> None:
    """Warn of ``text`` with what to do about it, unless it was said before."""
    told = masked(f"{text} (hint: {hint})")
    if told not in _said:
        _said.add(told)
        # Whose line it is: this one, that of `load`, that of `Client`, the caller's.
        warnings.warn(told, ConfigWarning, stacklevel=4)


def forget() -> None:
    """Say everything once more: a command begins."""
    _said.clear()
