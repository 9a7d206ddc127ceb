"""Which projects' files the user has trusted: remembered by path and content, so that a changed byte asks again."""

from __future__ import annotations

import json
import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from shunpike.config.files import plain_bytes, without_waiting
from shunpike.config.places import trust_folder
from shunpike.errors import ConfigError
from shunpike.private_file import write_private
from shunpike.types.base import Record


class Trusted(Record):
    """A file that was trusted, and the SHA-256 of what stood in it then."""

    path: str
    sha256: str

    @property
    def state(self) -> Literal["trusted", "changed", "gone"]:
        """How the file stands now."""
        try:
            now = sha256(plain_bytes(Path(self.path))).hexdigest()
        except OSError:
            return "gone"
        return "trusted" if now == self.sha256 else "changed"


def place_of(file: Path) -> Path:
    """Return ``file`` under the real path of its folder.

    Where the file itself is a link, the link is what is trusted, in this folder: that the same text is trusted
    elsewhere says nothing about here, and the text is held against its hash whatever the link leads to.
    """
    return file.parent.resolve() / file.name


class TrustStore:
    """One file of mode 0600 for each trusted one: processes that write at once don't get into each other's way."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or trust_folder()

    def holds(self, file: Path, digest: str) -> bool:
        """Tell whether ``file`` is trusted with the content of this hash."""
        found = self.get(file)
        return found is not None and found.sha256 == digest

    def get(self, file: Path) -> Trusted | None:
        """Return what is remembered of ``file``; None where that is nothing, or can't be read or believed."""
        place = place_of(file)
        found = _read(self._record(place))
        return found if found is not None and found.path == str(place) else None

    def trust(self, file: Path, digest: str) -> Trusted:
        """Remember ``file`` with the content of this hash, in the place of an older one. Raises `ConfigError`."""
        place = place_of(file)
        one = Trusted(path=str(place), sha256=digest)
        self._write(self._record(place), one)
        return one

    def remove(self, file: Path) -> bool:
        """Trust ``file`` no more; False when it was not trusted. Raises `ConfigError`."""
        record = self._record(place_of(file))
        try:
            record.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConfigError(
                f"{record} can't be removed: {error.strerror}", hint=f"check it with: ls -ld {self.folder}"
            ) from error
        return True

    def all(self) -> tuple[Trusted, ...]:
        """Return all that was trusted, by path."""
        found = [_read(record) for record in self.folder.glob("*.json")]
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.path))

    def _record(self, place: Path) -> Path:
        return self.folder / f"{sha256(os.fsencode(place)).hexdigest()}.json"

    def _write(self, record: Path, one: Trusted) -> None:
        try:
            write_private(record, json.dumps({"path": one.path, "sha256": one.sha256}))
        except OSError as error:
            raise ConfigError(
                f"{self.folder} can't be written: {error.strerror}", hint=f"check it with: ls -ld {self.folder}"
            ) from error


def _read(record: Path) -> Trusted | None:
    """Return what stands in ``record``; None where that is nothing that we wrote: then nothing is trusted."""
    try:
        with open(record, "rb", opener=without_waiting) as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            return Trusted.model_validate(json.loads(file.read()))
    except (OSError, ValueError, RecursionError, ValidationError):
        return None


def _is_ours(found: os.stat_result) -> bool:
    if os.name != "posix":
        return True
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
