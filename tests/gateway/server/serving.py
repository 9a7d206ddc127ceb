"""`shunpike serve` as a program: started, told by signals, and seen from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PATIENCE = 120.0
"""Seconds after which a program is taken to hang; it needs one or two to start."""


class Served:
    """A gateway in processes of its own."""

    def __init__(self, folder: Path, config: str, *arguments: str) -> None:
        self.file = folder / "gateway.toml"
        self.file.write_text(config, encoding="utf-8")
        self.log = folder / "gateway.log"
        environ = {**os.environ, "SHUNPIKE_CONFIG": str(self.file)}
        with self.log.open("wb") as log:
            # As the installed command does, it imports nothing from the folder that it is started in.
            command = [sys.executable, "-P", "-m", "shunpike", "serve", *arguments]
            self.process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log)

    @property
    def text(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        found = re.search(r"http://[^/\s]+", self.text)
        assert found is not None, self.text
        return found[0]

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until ``holds``; what the program wrote is told where it never does."""
        ends_mono = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < ends_mono, self.text
            time.sleep(0.02)

    def ask(self, model: str = "sandbox/auto") -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, trust_env=False, timeout=PATIENCE)

    def answers(self, status: int, model: str = "sandbox/auto") -> bool:
        """Whether it answers with ``status`` now."""
        try:
            return self.ask(model).status_code == status
        except httpx.TransportError:
            return False


@contextmanager
def served(folder: Path, config: str, *arguments: str) -> Iterator[Served]:
    """A gateway that answers; killed at the end where it has not ended by then."""
    found = Served(folder, config, "--port", "0", *arguments)
    try:
        found.until(lambda: found.process.poll() is not None or "Gateway" in found.text)
        assert found.process.poll() is None, found.text
        found.until(lambda: found.answers(200))
        yield found
    finally:
        if found.process.poll() is None:
            found.process.kill()
        found.process.wait(PATIENCE)
