"""A project's file as its owner has it: written, and trusted with ``shunpike trust``."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from shunpike.config import TrustStore


def trusted(folder: Path, text: str) -> Path:
    """Write ``text`` as the `shunpike.toml` of ``folder``, and trust it."""
    file = folder / "shunpike.toml"
    file.write_text(text, encoding="utf-8")
    TrustStore().trust(file, sha256(file.read_bytes()).hexdigest())
    return file
