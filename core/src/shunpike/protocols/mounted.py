"""What plugins add to the gateway: an application of their own below a path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI 3 application; it gets requests of the type ``http`` alone."""
PREFIX = re.compile(r"(?:/[a-z0-9][a-z0-9_-]{0,63}){1,4}")
"""What a prefix may be: one to four words, each behind a slash."""


@dataclass(frozen=True)
class MountedApp:
    """An application that answers all below ``prefix``, which stands in its scope as ``root_path``.

    What guards the gateway guards it, too: names of hosts, web pages, connections, and who may ask. The scope tells by
    ``shunpike.caller`` who that is: the name of a client key, ``operator``, or None.
    """

    prefix: str
    """Such as ``/dashboard``."""
    app: Asgi
    access: Literal["open", "client", "admin"] = "admin"
    """Who may ask: anybody, who has a client key, or the operator."""
