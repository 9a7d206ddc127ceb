"""The budgets for the code itself: sizes, names, one library one importer, nothing heavy at import."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from .imports import circles, imports, modules

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = [*sorted(path.parent for path in ROOT.glob("*/*/src")), ROOT / "core"]
SOURCES = sorted(file for package in PACKAGES for file in (package / "src").rglob("*.py"))
CORE = sorted((ROOT / "core/src").rglob("*.py"))
PROVIDERS = ("google", "together", "groq", "openrouter", "hyperbolic", "openai", "deepseek")
IMPORTERS = {
    "aiohttp": {"core/src/shunpike/wire/aiohttp_transport.py"},
    "httpx": {"core/src/shunpike/wire/slim_httpx.py"},
    "pluggy": {"core/src/shunpike/hookspecs.py", "core/src/shunpike/plugins.py"},
    "apsw": {"core/src/shunpike/storage/sqlite"},
    "tiktoken": {"core/src/shunpike/tokens.py"},
    "jsonschema_rs": {"core/src/shunpike/json_schema.py"},
    "platformdirs": {"core/src/shunpike/config/places.py"},
    "prompt_toolkit": {"core/src/shunpike/cli/chat/toolkit.py"},
    "readline": {"core/src/shunpike/cli/chat/gnu.py"},
    "markdown_it": {"core/src/shunpike/cli/markdown.py"},
    "opentelemetry": {"plugins/otel/src/shunpike_otel/metrics.py", "plugins/otel/src/shunpike_otel/spans.py"},
    "structlog": {"core/src/shunpike/builtin/event_log.py"},
    "rich": {"core/src/shunpike/cli/markdown.py", "core/src/shunpike/cli/demo_progress.py"},
}
HEAVY = {
    "jsonschema_rs",
    "shunpike.builtin.event_log",
    "shunpike.client",
    "shunpike.config",
    "shunpike.plugins",
    "shunpike.sync",
    "rich",
    "uvicorn",
    "tiktoken",
    "shunpike.wire.aiohttp_transport",
    "shunpike_sandbox.server",
    "shunpike_sandbox.app",
    "shunpike_postgres.store",
}
"""Imported inside functions, so that ``--help`` and ``import shunpike`` stay fast."""


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _trees(files: list[Path]) -> list[tuple[Path, ast.Module]]:
    return [(file, _tree(file)) for file in files]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


def test_no_file_is_over_300_lines() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    long = {_name(file): n for file in [*SOURCES, *tests] if (n := len(file.read_text().splitlines())) > 300}
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [_name(file) for file in SOURCES if file.stem in {"utils", "helpers", "common", "misc"}]


def test_init_files_only_re_export() -> None:
    """Apart from plugin objects and the lazy table of the core, an ``__init__`` holds imports and names."""
    for file, tree in _trees([file for file in SOURCES if file.name == "__init__.py"]):
        if _name(file) == "core/src/shunpike/__init__.py":
            continue
        kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr, ast.If)
        assert all(isinstance(node, kinds) for node in tree.body), _name(file)


def test_imports_stand_at_the_top_but_for_heavy_ones() -> None:
    wrong = []
    for file, tree in _trees(SOURCES):
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    wrong += [
                        f"{_name(file)}:{function.name}: {name}"
                        for name in _imported(node)
                        if not any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)
                        and not (file.is_relative_to(ROOT / "core/src/shunpike/cli") and name.startswith("shunpike."))
                    ]
    assert not wrong


@pytest.mark.parametrize("library", sorted(IMPORTERS))
def test_a_library_of_the_core_has_one_importer(library: str) -> None:
    found = {
        _name(file)
        for file, tree in _trees(CORE)
        for node in ast.walk(tree)
        for name in _imported(node)
        if name.split(".")[0] == library
    }
    assert all(any(path == home or path.startswith(f"{home}/") for home in IMPORTERS[library]) for path in found), found


def test_no_provider_is_named_in_the_code_of_the_core() -> None:
    """Docstrings and comments may give examples; names, strings and branches may not know a provider."""
    pattern = re.compile(rf"\b({'|'.join(PROVIDERS)}|gemini|gpt|llama)\b", re.IGNORECASE)
    wrong = []
    for file, tree in _trees(CORE):
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                wrong += (
                    [f"{_name(file)}:{node.lineno}: {node.value!r}"] if _names_provider(pattern, node.value) else []
                )
    assert not wrong


def _names_provider(pattern: re.Pattern[str], text: str) -> bool:
    # The vocabulary itself is OpenAI's, whose name is an adjective of the shape; "together" is also a plain word.
    for plain in ("OpenAI-shaped", "OpenAI-compatible", " together "):
        text = text.replace(plain, "")
    return bool(pattern.search(text))


def test_nothing_but_routing_sends() -> None:
    """`Backend.complete`, `Streams.stream` and `Embeds.embed` are called in one module, behind the ledger's grant."""
    callers = set()
    for file, tree in _trees(CORE):
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="complete" | "stream" | "embed")) if (
                    "backend" in name
                ):
                    callers.add(_name(file))
    assert callers == {"core/src/shunpike/routing/send.py"}


def test_the_core_has_at_most_twelve_dependencies() -> None:
    project = tomllib.loads((ROOT / "core/pyproject.toml").read_text())["project"]
    assert len(project["dependencies"]) <= 12


def test_all_packages_have_one_version_and_their_parts() -> None:
    versions = set()
    for package in PACKAGES:
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        versions.add(project["version"])
        assert project["readme"] == "README.md"
        assert (package / "README.md").read_text().startswith("# ")
        module = package / "src" / project["name"].replace("-", "_")
        assert (module / "py.typed").exists(), package.name
    assert len(versions) == 1


def test_extras_of_the_core_name_every_provider() -> None:
    extras = tomllib.loads((ROOT / "core/pyproject.toml").read_text())["project"]["optional-dependencies"]
    for provider in PROVIDERS:
        assert extras[provider] == [f"shunpike-{provider}"]
        assert f"shunpike-{provider}" in extras["all"]


@pytest.mark.parametrize("command", [["-c", "import shunpike"], ["-m", "shunpike", "--help"]], ids=["import", "help"])
def test_start_imports_no_provider_no_server_and_no_tokenizer(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert not {name for name in loaded if name.startswith("shunpike_")}
    assert not loaded & {"uvicorn", "starlette", "fastapi", "tiktoken", "apsw", "litellm"}


def test_every_public_name_is_there_and_sorted() -> None:
    import shunpike

    assert all(getattr(shunpike, name) is not None for name in shunpike.__all__)
    assert sorted(shunpike.__all__, key=lambda n: (n.lower() == n, n)) == shunpike.__all__


def test_no_index_address_and_no_machine_path_stands_in_a_tracked_file() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace") if (ROOT / name).is_file() else ""
        assert f"{ROOT.parent}/" not in text, name
        assert not re.search(r"index[-]url|\"resolved[\"]: \"http", text), name
    assert json.dumps(listed.stdout)
    assert "uv.lock" not in listed.stdout.split("\0")


def test_the_floors_hold() -> None:
    """`.importlinter` draws them: imports go down only, and plugins know nothing of each other."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", sorted({name.split(".")[0] for name in modules()}))
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    found = {group for group in circles(imports(types=False)) if any(name.split(".")[0] == package for name in group)}
    assert not found


def test_annotations_close_no_circle_but_that_of_errors_and_what_they_carry() -> None:
    """An error carries words of `shunpike.types`, whose validators raise errors; only the latter runs."""
    found = {name for group in circles(imports(types=True)) for name in group}
    assert not {name for name in found if name != "shunpike.errors" and not name.startswith("shunpike.types.")}


def test_a_circle_is_seen() -> None:
    """The test of the two above: they would pass on a reader that sees none."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}
    assert "shunpike.wire.flow" in imports(types=False)["shunpike.wire.http"]
