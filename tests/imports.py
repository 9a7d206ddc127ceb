"""Who imports whom, read from the source: for the tests of the structure and for the picture of it."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = "shunpike"
Graph = dict[str, set[str]]


@cache
def modules() -> dict[str, Path]:
    """Return the file of every module of the core and of the plugins."""
    found = {}
    for source in (ROOT / "core/src", *sorted(ROOT.glob("plugins/*/src"))):
        for file in sorted(source.rglob("*.py")):
            parts = file.relative_to(source).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports(*, types: bool) -> Graph:
    """Return what each module imports of the others; with ``types`` also what it imports for its annotations only."""
    files = modules()
    graph: Graph = {}
    for name, file in files.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        graph[name] = {one for one in _named(tree, package, files, types=types) if one != name}
    return graph


def _named(tree: ast.AST, package: str, files: Mapping[str, Path], *, types: bool) -> Iterator[str]:
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.dump(tree.test) and not types:
        return
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names if alias.name in files)
    elif isinstance(tree, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - tree.level + 1] if tree.level else []
        base = ".".join([*above, *([tree.module] if tree.module else [])])
        for alias in tree.names:
            inner = f"{base}.{alias.name}"
            if inner in files or base in files:
                yield inner if inner in files else base
    for child in ast.iter_child_nodes(tree):
        yield from _named(child, package, files, types=types)


def circles(graph: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """Return the groups of modules that import each other, directly or not."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        open_.append(name)
        for other in graph.get(name, ()):
            if other not in index:
                visit(other)
            if other in open_:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == index[name]:
            place = open_.index(name)
            group = frozenset(open_[place:])
            del open_[place:]
            if len(group) > 1:
                found.add(group)

    for name in graph:
        if name not in index:
            visit(name)
    return found


def rooms(graph: Mapping[str, set[str]]) -> Graph:
    """Return the same for rooms: the packages and modules right below `shunpike`, and each plugin as one."""
    found: Graph = {}
    for name, others in graph.items():
        room = room_of(name)
        found.setdefault(room, set()).update(one for other in others if (one := room_of(other)) not in (room, CORE))
    found.pop(CORE)
    return found


def room_of(module: str) -> str:
    """Return the room that a module is in."""
    package, *rest = module.split(".")
    return ".".join([package, *rest[:1]]) if package == CORE else package


def needed(graph: Mapping[str, set[str]]) -> Graph:
    """Return the graph without the arrows that a longer way makes needless; it must have no circle."""
    reach: Graph = {}
    kept: Graph = {}
    for name in TopologicalSorter(graph).static_order():
        direct = graph.get(name, set())
        reach[name] = direct.union(*(reach[one] for one in direct))
        kept[name] = {one for one in direct if not any(one in reach[other] for other in direct - {one})}
    return kept


def floors() -> list[list[str]]:
    """Return the rooms of the core from the top down, neighbours together, as the contract of imports has them."""
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter", encoding="utf-8")
    lines = contract["importlinter:contract:floors"]["layers"].split("\n")
    return [[f"{CORE}.{room.strip()}" for room in line.replace(":", "|").split("|")] for line in lines if line.strip()]
