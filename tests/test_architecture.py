"""The page on the architecture is what the imports say.

``python tests/test_architecture.py`` draws the picture and writes the table of rooms anew.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from imports import CORE, ROOT, floors, imports, modules, needed, room_of, rooms
else:
    from .imports import CORE, ROOT, floors, imports, modules, needed, room_of, rooms

PAGE = ROOT / "docs/architecture.md"
BLOCK = re.compile(r"(?P<begin><!-- (?P<name>picture|rooms):begin -->\n).*?(?=<!-- (?P=name):end -->)", re.DOTALL)


def picture() -> str:
    """Return the rooms and their imports in Mermaid, without the arrows that a longer way makes needless."""
    graph = needed(rooms(imports(types=False)))
    shown = {room: room.removeprefix(f"{CORE}.") for room in graph}
    plugins = sorted(room for room in graph if not room.startswith(f"{CORE}."))
    core = [room for floor in floors() for room in floor if room in graph]
    lines = ["flowchart TD"]
    lines += [f'  {_node(room)}["{shown[room]}"]' for room in core]
    lines += [f'  {_node(room)}(["{shown[room]}"])' for room in plugins]
    lines += [f"  {_node(room)} --> {_node(other)}" for room in [*core, *plugins] for other in sorted(graph[room])]
    return "\n".join(["```mermaid", *lines, "```", ""])


def _node(room: str) -> str:
    # "end" and its like are words of Mermaid's, so that no bare name is safe.
    return f"n_{room.removeprefix(f'{CORE}.')}"


def table() -> str:
    """Return the floors from the top down with what each room is, in the first words of its docstring."""
    files = modules()
    rows = ["| floor | room | what it is |", "| ---: | --- | --- |"]
    for number, floor in zip(range(len(floors()), 0, -1), floors(), strict=True):
        for room in floor:
            said = ast.get_docstring(ast.parse(files[room].read_text(encoding="utf-8"))) or ""
            place = files[room].relative_to(ROOT / "core/src").as_posix().removesuffix("/__init__.py")
            rows.append(
                f"| {number} | `{place}` | {said.splitlines()[0].replace('``', '`').replace('|', chr(92) + '|')} |"
            )
    return "".join(f"{row}\n" for row in rows)


def written(page: str) -> str:
    """Return the page with its generated parts as they should be."""
    parts = {"picture": picture, "rooms": table}
    return BLOCK.sub(lambda found: found["begin"] + parts[found["name"]](), page)


def test_the_picture_and_the_table_are_what_the_imports_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert {found["name"] for found in BLOCK.finditer(page)} == {"picture", "rooms"}
    assert page == written(page), "write it anew: python tests/test_architecture.py"


def test_every_room_of_the_core_stands_on_a_floor() -> None:
    drawn = {room for floor in floors() for room in floor}
    there = {room_of(name) for name in modules() if name.startswith(f"{CORE}.")}
    assert drawn == there


def test_a_needless_arrow_is_left_out() -> None:
    assert needed({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
