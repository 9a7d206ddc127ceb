"""Product code waits and reads the time through `Clock` alone: what does not can't be played on a virtual one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCES = sorted(
    file
    for folder in [_ROOT / "core/src", *sorted(_ROOT.glob("plugins/*/src"))]
    for file in folder.rglob("*.py")
    if "shunpike_testkit" not in file.parts
)

_WAITS = {
    "anyio": {"sleep", "sleep_until", "sleep_forever", "fail_after", "move_on_after", "current_time"},
    "time": {"sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "clock_gettime"},
    "asyncio": {"sleep", "wait_for", "timeout", "timeout_at", "wait"},
    "trio": {"sleep", "sleep_until", "fail_after", "move_on_after", "current_time"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
"""Module or class → what of it waits or tells the time."""

_ALLOWED = {
    "shunpike/clock.py": "the clock itself",
    "shunpike_sandbox/clock.py": "its own clock: it shares no code with what it tests",
    "shunpike_sandbox/server.py": "waits in a thread until its socket listens",
    "shunpike_sandbox/inprocess.py": "an answer that never comes waits for its reader to leave",
    "shunpike_sandbox/replies.py": "an answer that never comes waits for its reader to leave",
    "wire/flow.py": "bytes of a real connection take real time, whatever the clock of the client says",
    "wire/http.py": "as flow.py",
    "wire/timeouts.py": "as flow.py",
    "wire/stream.py": "as flow.py",
    "wire/tunnel.py": "as flow.py",
    "shunpike_gateway/bodies.py": "as flow.py",
    "shunpike_gateway/workers.py": "processes of the system take real time to start and to end",
    "cli/watch.py": "a person looks at it",
    "storage/sqlite/connection.py": "a thread that waits for a lock of another process",
    "storage/sqlite/writer.py": "the writer's thread, after a mistake",
    "shunpike_postgres/feed.py": "the worker's loop, until a lost line is made anew",
    "shunpike_postgres/worker.py": "the thread's own loop, which waits for a server",
    "storage/backlog.py": "the writer's thread, between two tries",
}
"""End of a path → why it may."""


def _found(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _WAITS.get(module, ()):
                found.append(f"{file.relative_to(_ROOT)}:{node.lineno}: {module}.{name}")
            case ast.ImportFrom(module=str(module), names=names) if module in _WAITS:
                found += [
                    f"{file.relative_to(_ROOT)}:{node.lineno}: from {module} import {one.name}"
                    for one in names
                    if one.name in _WAITS[module]
                ]
            case ast.Call(func=ast.Attribute(attr="CancelScope"), keywords=keywords):
                if any(one.arg == "timeout" for one in keywords):
                    found.append(f"{file.relative_to(_ROOT)}:{node.lineno}: CancelScope(timeout=…)")
            case _:
                pass
    return found


def _is_allowed(file: Path) -> bool:
    path = file.as_posix()
    return any(path.endswith(f"/{end}") for end in _ALLOWED)


def test_no_product_code_waits_or_tells_the_time_but_by_a_clock() -> None:
    found = [line for file in _SOURCES if not _is_allowed(file) for line in _found(file)]
    assert found == [], "use `Clock.sleep`, `fail_after`, `move_on_after`, `now`, `monotonic`; real waits: `outside`"


@pytest.mark.parametrize("end", sorted(_ALLOWED))
def test_every_exception_is_still_needed(end: str) -> None:
    files = [file for file in _SOURCES if file.as_posix().endswith(f"/{end}")]
    assert files, f"{end} is gone: take it from the list"
    assert any(_found(file) for file in files), f"{end} waits no more: take it from the list"
