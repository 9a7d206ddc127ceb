"""What can be an HTTP header, told without ever repeating its value: it may be a key."""

from __future__ import annotations


def header_problem(name: str, value: str) -> str | None:
    """Return what is wrong with a header, None when it can be sent."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        return f"{name!r} is not the name of a header"
    if not value.isascii() or not value.isprintable() or value != value.strip():
        return f"the value of the header {name!r} holds a line break, an outer space or a character beyond ASCII"
    return None
