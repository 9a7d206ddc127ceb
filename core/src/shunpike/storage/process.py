"""Which process of this machine: a number alone is given out again after its end."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from shunpike.clock import boot_name

_PROC = Path("/proc")
_ENDED = "ZX"
"""States of a process that has ended, and is on the list only until its parent has looked."""


def this_process() -> str:
    """Return the name of this process, which no other one ever has: boot, name space, number, moment of its start."""
    return "/".join((boot_name(), _space(), str(os.getpid()), _start(os.getpid()) or ""))


def is_running(name: str) -> bool:
    """Return whether the process of that name may still run. One that can't be seen from here may."""
    boot, space, number, start = name.split("/")
    if boot != boot_name() or os.name != "posix":
        return False
    if space != _space():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _start(int(number)) in {start, None} if start else True


def _space() -> str:
    """Return the name space in which numbers of processes mean the same: a container has its own."""
    with suppress(OSError):
        return str((_PROC / "self" / "ns" / "pid").stat().st_ino)
    return ""


def _start(number: int) -> str | None:
    """Return when a process was started, in ticks since the boot; "ended" where it has, None where it can't be told."""
    # The second field is a name in brackets, which may hold anything.
    fields = _read(_PROC / str(number) / "stat").rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return "ended" if fields[0] in _ENDED else fields[19]


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""
