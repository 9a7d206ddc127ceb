"""A system that looks for the address of a name, and does not come back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HANGING = """
import socket, sys, time

real = socket.getaddrinfo

def hang(host, *others, **named):
    if "example" in (host.decode() if isinstance(host, bytes) else host):
        time.sleep(60)
    return real(host, *others, **named)

socket.getaddrinfo = hang
from shunpike.cli.main import main
main()
"""
CONFIG = """
[providers.north]
plugin = "groq"
base_url = "https://api.example.invalid/v1"
price = "free"
"""


def test_a_command_ends_soon_after_its_deadline_while_a_name_is_still_looked_for(tmp_path: Path) -> None:
    script = tmp_path / "hanging.py"
    script.write_text(HANGING, encoding="utf-8")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environ = {
        "NORTH_API_KEY": "k",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "SHUNPIKE_CONFIG": str(config),
        **folders,
    }
    command = [sys.executable, str(script), "ask", "hi", "-m", "north/openai/gpt-oss-20b", "--timeout", "1"]
    begun = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert time.monotonic() - begun < 30, "it waited for the name"
    assert "timeout" in done.stderr
    assert done.returncode not in (0, 1)
