"""``python -m shunpike_testkit.replay DIR [--json]``: play every recording below DIR to the installed plugins."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from shunpike.errors import UsageError
from shunpike.protocols import Backend
from shunpike_testkit.replay.cutting import CuttingTransport
from shunpike_testkit.replay.lines import line, text, unreadable
from shunpike_testkit.replay.play import Played, play
from shunpike_testkit.replay.plugins import make_backend
from shunpike_testkit.replay.recording import Recording, find_files, name_of, read_recording
from shunpike_testkit.replay.stage import Stage

SHAPE_OF = {"openai.chat.completions": "openai"}
"""Endpoints of one provider that speak another's language, with the plugin that speaks it."""


class Theatre:
    """Plays recordings of all providers; a backend is made once for each."""

    def __init__(self, stage: Stage, stack: AsyncExitStack) -> None:
        self._stage = stage
        self._stack = stack
        self._made: dict[str, tuple[Backend | None, CuttingTransport]] = {}

    async def play(self, recording: Recording) -> Played:
        """Return what the plugin of its provider makes of ``recording``."""
        spoken = SHAPE_OF.get(recording.endpoint, recording.provider)
        if spoken not in self._made:
            transport = CuttingTransport()
            backend = make_backend(spoken, self._stage.base_url, transport)
            if backend is not None:
                self._stack.push_async_callback(backend.aclose)
            self._made[spoken] = backend, transport
        backend, transport = self._made[spoken]
        if backend is None:
            return Played(recording, skipped=f"no plugin for {spoken!r} is installed")
        return await play(recording, backend, self._stage, transport)


@asynccontextmanager
async def open_theatre() -> AsyncIterator[Theatre]:
    """Open the loopback server and, as they are needed, the backends; all are closed at the end."""
    async with Stage() as stage, AsyncExitStack() as stack:
        yield Theatre(stage, stack)


async def _run(root: Path, *, as_json: bool) -> int:
    failed = 0
    async with open_theatre() as theatre:
        for path in find_files(root):
            row, told = await _told(theatre, path, root, as_json=as_json)
            failed += row["ok"] is False
            sys.stdout.write(_printable(told) + "\n")
    return 1 if failed else 0


async def _told(theatre: Theatre, path: Path, root: Path, *, as_json: bool) -> tuple[dict[str, Any], str]:
    """Return what came of one file, and its line. Whatever is in the file, it is a line."""
    write = json.dumps if as_json else text
    try:
        row = line(await theatre.play(read_recording(path, root)))
        return row, write(row)
    except UsageError as error:
        row = unreadable(name_of(path, root), error.message)
    except Exception as error:  # noqa: BLE001 - one file that nobody foresaw must not keep the others from being played
        row = unreadable(name_of(path, root), f"{type(error).__name__}: {error}")
    return row, write(row)


def _printable(told: str) -> str:
    """Return ``told`` with what the terminal can't show written as escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    return told.encode(encoding, "backslashreplace").decode(encoding)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every file was understood, 1 when one raised or changed with the cuts, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="python -m shunpike_testkit.replay", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of recordings, or one of them")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each file")
    given = parser.parse_args(arguments)

    async def run() -> int:
        return await _run(given.folder, as_json=given.json)

    try:
        if not given.folder.exists():
            parser.error(f"{given.folder} does not exist")
        return anyio.run(run)
    except UsageError as error:
        parser.error(error.message)
    except BrokenPipeError:
        return 1  # Whoever read the lines has seen enough.
    except OSError as error:
        parser.error(f"{given.folder}: {error}")


if __name__ == "__main__":
    sys.exit(main())
