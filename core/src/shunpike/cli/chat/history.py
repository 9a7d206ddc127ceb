"""What was typed, kept for the arrow keys: one JSON text a line, readable by its owner only, without keys."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from shunpike.config.places import lines_file
from shunpike.masking import masked
from shunpike.private_file import write_private

MOST = 1_000
"""Entries: when there are twice as many, the older half goes."""
LONGEST = 20_000
"""Characters of an entry: what is longer was pasted, and is not typed again."""


class History:
    """Entries from older to newer. Nothing here ever fails: without a file there is a history for this process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = lines_file() if path is None else path
        self.entries = self._load()

    def add(self, text: str) -> None:
        """Add ``text`` to the end, with every known key masked, unless it stands there already."""
        entry = masked(text)
        if not entry.strip() or len(entry) > LONGEST or (self.entries and self.entries[-1] == entry):
            return
        self.entries.append(entry)
        line = json.dumps(entry) + "\n"
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                # One write: what two processes add stays whole.
                os.write(handle, line.encode())
            finally:
                os.close(handle)

    def _load(self) -> list[str]:
        try:
            if self._path.stat().st_mode & 0o077:
                self._path.chmod(0o600)
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        found = [entry for line in lines if (entry := _entry(line)) is not None]
        if len(lines) > 2 * MOST:
            with suppress(OSError):
                write_private(self._path, "".join(f"{json.dumps(entry)}\n" for entry in found[-MOST:]))
        return found[-MOST:]


def _entry(line: str) -> str | None:
    """Return the text of one line of the file, None for one that is damaged."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, str) else None
