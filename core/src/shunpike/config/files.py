"""Reads a TOML file, or says exactly where it is wrong."""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field

from shunpike.config.lines import line_of, lines_of
from shunpike.config.literals import reject_literal_keys
from shunpike.errors import ConfigError
from shunpike.types.base import Record

_PLACE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)\s*$")


class File(Record):
    """A file that was read: its tables, and the line of each setting."""

    path: Path
    tree: dict[str, Any]
    digest: str
    """SHA-256 of its bytes in hexadecimal digits: what was parsed is what was hashed."""
    lines: dict[tuple[str, ...], int] = Field(default_factory=dict)

    def place(self, setting: tuple[str, ...]) -> str:
        """Return the file, and the line on which ``setting`` stands where that is known."""
        line = line_of(setting, self.lines)
        return str(self.path) if line is None else f"{self.path}, line {line}"


LARGEST = 1 << 16
"""Bytes of a file that anybody may have put there: a larger one, or one without end, is no file of settings."""
DEEPEST = 32
"""Tables within tables, in any file; settings are five deep."""
MOST_DOTS = 1000
"""Dots in a line: the parser takes the square of their number to read a key."""


def read(path: Path, *, required: bool = False, plain: bool = False) -> File | None:
    """Return what stands in ``path``, None when there is no such file.

    ``plain``: only a regular file of at most `LARGEST` bytes is read, so that a pipe or a device can't hold us up.
    Raises `ConfigError` naming file, line and column for invalid TOML, and for a literal key.
    """
    data = _bytes(path, required=required, plain=plain)
    if data is None:
        return None
    text = _text(path, data)
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise _unbearable(path)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, text, str(error)) from None
    except (RecursionError, ValueError):
        raise _unbearable(path) from None
    if _is_deep(tree):
        raise _unbearable(path)
    reject_literal_keys(tree, str(path))
    return File(path=path, tree=tree, digest=sha256(data).hexdigest(), lines=lines_of(text))


def _bytes(path: Path, *, required: bool, plain: bool) -> bytes | None:
    try:
        return plain_bytes(path) if plain else path.read_bytes()
    except FileNotFoundError:
        if not required:
            return None
        raise ConfigError(f"{path} does not exist", hint="create it, or unset SHUNPIKE_CONFIG") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}", hint=f"check it with: ls -l {path}") from error


def plain_bytes(path: Path) -> bytes:
    """Return what stands in a regular file of at most `LARGEST` bytes. Raises `OSError` for any other."""
    with open(path, "rb", opener=without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST:,} bytes")
    return data


def without_waiting(path: str, flags: int) -> int:
    """Open ``path``; where it is a pipe, without waiting for somebody who writes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8", hint="save the file as UTF-8") from None


def _is_deep(tree: dict[str, Any]) -> bool:
    """Tell whether tables or lists are nested deeper than any setting is; without recursion."""
    layer: list[Any] = [tree]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(layer)


def _unbearable(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: not valid TOML: nested too deep, or a number is too large", hint=f"no setting needs that: see {path}"
    )


def _invalid(path: Path, text: str, reason: str) -> ConfigError:
    found = _PLACE.search(reason)
    lines = text.count("\n") + 1
    line = int(found["line"]) if found and found["line"] else lines
    column = int(found["column"]) if found and found["column"] else len(text) - text.rfind("\n")
    return ConfigError(
        f"{path}, line {line}, column {column}: not valid TOML: {_PLACE.sub('', reason)}",
        hint=f"correct line {line} of {path}; a text needs quotes, a list brackets, true and false are lower-case",
    )
