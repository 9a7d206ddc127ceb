"""Runs the command line over one provider that answers a word every few milliseconds and never ends.

Started by ``test_main.py`` in a process of its own, so that it can be sent a signal.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Sequence
from itertools import count
from pathlib import Path

import anyio
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.cli.main import main
from shunpike.plugins import Host
from shunpike.types import Chunk
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer


class Endless(ScriptedBackend):
    """Streams without an end, and writes a file when the connection is closed."""

    @override
    async def _play(self, chunks: Sequence[Chunk | Exception]) -> AsyncGenerator[Chunk, None]:
        try:
            for number in count():
                yield Chunk(text=f"word{number} ", model="m")
                await anyio.sleep(0.01)
        finally:
            Path("closed").touch()  # noqa: ASYNC240 - quick, and must not be cancelled


def load(disabled: Sequence[str] = ()) -> Host:
    del disabled
    provider = ScriptedProvider("acme")
    provider.backend = Endless([answer()])
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, "acme")
    return host


if __name__ == "__main__":
    Host.load = load  # type: ignore[method-assign]  # a test's stand-in for what is installed
    sys.argv[0] = "shunpike"
    main()
