"""Files that only their owner may read, written anew as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write ``text`` as UTF-8 into ``file``, with the folder it is in; another process sees all of it or none.

    Raises `OSError`, and the file is what it was.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem[:20]}-")  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(handle)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
