"""Tells what importing packages does and loads: ``python -BP -m shunpike_testkit.hygiene_probe PACKAGE…``.

The core's lower floors are imported first; each package then in a process of its own, where the system can fork, else
only the first one. One line of JSON each.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

FLOORS = ("catalog", "clock", "errors", "hookspecs", "protocols", "tokens", "types", "wire")
"""The parts of the core that are promised to authors of plugins."""
EVENTS = frozenset(
    {
        "_thread.start_new_thread",
        "open",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "sqlite3.connect",
        "subprocess.Popen",
        "urllib.Request",
    }
)
CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib")
"""Files that an import reads by itself."""


class Watch:
    """Notes what is done while it is open. An audit hook can't be removed, so there is one for the whole process."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.open = False
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.open or event not in EVENTS:
            return
        if event == "open" and (not isinstance(arguments[0], str) or arguments[0].endswith(CODE)):
            return
        self.done.append(" ".join([event, *map(str, arguments[:1])]))


def probe(package: str, watch: Watch) -> dict[str, Any]:
    """Return what importing ``package`` loaded and did, or the traceback of its failure."""
    before, error = set(sys.modules), None
    watch.open = True
    try:
        import_module(package)
    except BaseException:  # noqa: BLE001 - a plugin may raise anything when it is imported
        error = traceback.format_exc()
    watch.open = False
    return {"package": package, "loaded": sorted(set(sys.modules) - before), "done": watch.done, "error": error}


def main(packages: Sequence[str]) -> None:
    """Print a line for each package, or for the first one where the system can't fork."""
    for floor in FLOORS:
        import_module(f"shunpike.{floor}")
    watch = Watch()
    for package in packages:
        if hasattr(os, "fork") and (child := os.fork()):
            os.waitpid(child, 0)
            continue
        print(json.dumps(probe(package, watch)), flush=True)
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
