"""Who sits at the command line, for what is written down of what a person does."""

from __future__ import annotations

import getpass
import platform


def operator() -> str:
    """Return ``user@machine``."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unknown"
    return f"{user}@{platform.node()}"
