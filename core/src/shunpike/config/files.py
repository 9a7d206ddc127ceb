"""Reads a TOML file, or says exactly where it is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field

from shunpike.config.lines import line_of, lines_of
from shunpike.config.literals import refuse_literal_keys
from shunpike.errors import ConfigError
from shunpike.types.base import Record

_PLACE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)\s*$")


class File(Record):
    """A file that was read: its tables, and the line of each setting."""

    path: Path
    tree: dict[str, Any]
    lines: dict[tuple[str, ...], int] = Field(default_factory=dict)

    def place(self, setting: tuple[str, ...]) -> str:
        """Return the file, and the line on which ``setting`` stands where that is known."""
        line = line_of(setting, self.lines)
        return str(self.path) if line is None else f"{self.path}, line {line}"


def read(path: Path, *, required: bool = False) -> File | None:
    """Return what stands in ``path``, None when there is no such file.

    Raises `ConfigError` naming file, line and column for invalid TOML, and for a literal key.
    """
    text = _text(path, required=required)
    if text is None:
        return None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, text, str(error)) from None
    refuse_literal_keys(tree, str(path))
    return File(path=path, tree=tree, lines=lines_of(text))


def _text(path: Path, *, required: bool) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        if not required:
            return None
        raise ConfigError(f"{path} does not exist", hint="create it, or unset SHUNPIKE_CONFIG") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8", hint="save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}", hint=f"check it with: ls -l {path}") from error


def _invalid(path: Path, text: str, reason: str) -> ConfigError:
    found = _PLACE.search(reason)
    lines = text.count("\n") + 1
    line = int(found["line"]) if found and found["line"] else lines
    column = int(found["column"]) if found and found["column"] else len(text) - text.rfind("\n")
    return ConfigError(
        f"{path}, line {line}, column {column}: not valid TOML: {_PLACE.sub('', reason)}",
        hint=f"correct line {line} of {path}; a text needs quotes, a list brackets, true and false are lower-case",
    )
