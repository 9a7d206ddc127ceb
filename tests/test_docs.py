"""What the pages in `docs/` say of the code is so: files, names, hooks and states are there.

``python tests/test_docs.py`` writes the pages on hooks and events anew.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from pathlib import Path

import pytest

from shunpike import hookspecs
from shunpike.types import State
from shunpike.types.events import EVENTS, Event

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from pages import ROOT, run_blocks
else:
    from .pages import ROOT, run_blocks

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SOURCES = (ROOT, ROOT / "core/src", ROOT / "core/src/shunpike", DOCS)
FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|toml|md)|[\w.-]+\.(?:py|toml))`")
TERM = re.compile(
    r"^\| (?P<term>[^|`]+?) \| (?P<meaning>.+?) \| (?P<names>[^|]+?) \| (?P<file>[^|]+?) \|$", re.MULTILINE
)
TERM = re.compile(r"^\| (?P<term>[^|`-]+) \| (?P<meaning>.+) \| (?P<names>[^|]+) \| (?P<file>[^|]+) \|$", re.MULTILINE)
HOOKS = DOCS / "hooks.md"
BLOCK = re.compile(r"(?<=<!-- hooks:begin -->\n).*(?=<!-- hooks:end -->)", re.DOTALL)
EVENTS_PAGE = DOCS / "events.md"
EVENTS_BLOCK = re.compile(r"(?<=<!-- events:begin -->\n).*(?=<!-- events:end -->)", re.DOTALL)
SINCE = re.compile(r"\n\n\.\. versionadded:: (\d+\.\d+)$")
PLAIN_FILES = {"provider.toml", "shunpike.toml", "keys.toml", "pyproject.toml"}
"""Files of a package or a user, not of one place here."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(FILE.findall(re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL))) - PLAIN_FILES
    assert not [file for file in named if not any((source / file).exists() for source in SOURCES)]


def test_every_term_of_the_glossary_stands_once_and_in_its_place() -> None:
    terms = [found["term"].lower() for found in TERM.finditer(text_of(DOCS / "glossary.md")) if found["term"] != "term"]
    assert len(terms) > 40
    assert terms == sorted(set(terms))


def test_every_name_of_the_glossary_stands_in_the_file_that_is_named_beside_it() -> None:
    wrong = []
    for found in TERM.finditer(text_of(DOCS / "glossary.md")):
        for file in re.findall(r"`([^`]+)`", found["file"]):
            there = names_in(ROOT / "core/src/shunpike" / file)
            wrong += [f"{name} in {file}" for name in re.findall(r"`(\w+)`", found["names"]) if name not in there]
    assert not wrong


def names_in(file: Path) -> set[str]:
    """Return what a module, or any module of a package, defines at its top, and the methods of its classes."""
    names: set[str] = set()
    for one in [file] if file.suffix else sorted(file.glob("*.py")):
        for node in ast.walk(ast.parse(text_of(one))):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    names.add(name)
    return names


def test_the_page_on_reservations_has_every_state_and_no_other() -> None:
    page = text_of(DOCS / "reservation-states.md")
    table = page.split("## The states")[1].split("##")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [state.value for state in State]
    drawn = set(re.findall(r"\b[a-z]+\b", " ".join(re.findall(r"^  (\S+ --> \S+?):", page, re.MULTILINE))))
    assert drawn == {state.value for state in State}


def test_every_decision_is_listed_in_order_and_says_context_decision_and_consequences() -> None:
    records = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    listed = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+) \|$", text_of(DOCS / "decisions/README.md"), re.MULTILINE)
    assert [(int(record.name[:4]), record.name) for record in records] == [(int(n), file) for n, file, _ in listed]
    for record, (number, _, title) in zip(records, listed, strict=True):
        text = text_of(record)
        assert text.startswith(f"# {number}. {title}\n"), record.name
        assert re.findall(r"^## (.+)", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], record.name


@pytest.mark.slow
@pytest.mark.parametrize("guide", sorted((DOCS / "guides").glob("*.md")), ids=lambda guide: guide.stem)
def test_everything_that_a_guide_shows_runs(guide: Path, tmp_path: Path, emulated: dict[str, str]) -> None:
    run_blocks(text_of(guide), tmp_path / "work", emulated)


# -- hooks ------------------------------------------------------------------------------------------


def hooks() -> dict[str, str]:
    """Return the docstring of every hook, in the order of their file."""
    return {
        name: inspect.getdoc(one) or ""
        for name, one in vars(hookspecs).items()
        if inspect.isfunction(one) and name.startswith("shunpike_")
    }


def hooks_page() -> str:
    parts = []
    for name, doc in hooks().items():
        function = getattr(hookspecs, name)
        signature = str(inspect.signature(function)).replace("'", "")
        since = SINCE.search(doc)
        kind = "the first answer counts" if function.shunpike_spec["firstresult"] else "all answers count"
        said = SINCE.sub("", doc).replace("``", "`").strip()
        said = re.sub(r"\nArgs:\n((?:    .*\n)+)", _arguments, f"{said}\n").strip()
        parts.append(f"## {name}\n\n`{name}{signature}`\n\nSince {since[1] if since else '?'}; {kind}.\n\n{said}\n\n")
    return "".join(parts)


def _arguments(found: re.Match[str]) -> str:
    return "\n" + "".join(f"- {line.strip()}\n" for line in found[1].splitlines())


@pytest.mark.parametrize("name", hooks())
def test_a_hook_says_what_it_is_for_when_it_is_called_and_since_when(name: str) -> None:
    doc = hooks()[name]
    assert "Called " in doc
    assert SINCE.search(doc), "give it .. versionadded:: MAJOR.MINOR"
    arguments = inspect.signature(getattr(hookspecs, name)).parameters
    assert all(re.search(rf"^    {argument}: ", doc, re.MULTILINE) for argument in arguments)
    assert "None" in doc or "return value is not looked at" in doc


def test_the_page_on_hooks_is_what_their_docstrings_say() -> None:
    assert BLOCK.findall(text_of(HOOKS)) == [hooks_page()], "write it anew: python tests/test_docs.py"


@pytest.mark.parametrize("name", hooks())
def test_a_hook_is_used_in_a_test(name: str) -> None:
    files = [file for file in (ROOT / "tests").rglob("*.py") if file.name != "test_docs.py"]
    kit = (ROOT / "plugins/testkit/src").rglob("*.py")
    assert any(name in text_of(file) for file in [*files, *kit])


# -- events -----------------------------------------------------------------------------------------


def events_page() -> str:
    parts = []
    for kind in EVENTS:
        facts = [name for name in kind.model_fields if name != "name"]
        told = "".join(f"- `{name}`: {_kind(kind, name)}{_said(kind, name)}\n" for name in facts)
        doc = (inspect.getdoc(kind) or "").replace("``", "`")
        parts.append(f"## {kind.model_fields['name'].default}\n\n`{kind.__name__}`. {doc}\n\n{told}\n")
    return "".join(parts)


def _kind(kind: type[Event], name: str) -> str:
    annotation = next(one.__annotations__[name] for one in kind.__mro__ if name in vars(one).get("__annotations__", {}))
    return re.sub(r"Literal\[(.+)\]", lambda found: found[1].replace(", ", " or ").replace("'", "`"), str(annotation))


def _said(kind: type[Event], name: str) -> str:
    """Return the docstring of a field, as a sentence behind its type."""
    of = next(one for one in kind.__mro__ if name in vars(one).get("__annotations__", {}))
    body = ast.parse(inspect.getsource(of)).body[0].body  # type: ignore[attr-defined]  # a class has one
    for field, said in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and getattr(field.target, "id", "") == name:
            match said:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    return ". " + " ".join(text.replace("``", "`").split())
    return ""


def test_the_page_on_events_is_what_their_classes_say() -> None:
    assert EVENTS_BLOCK.findall(text_of(EVENTS_PAGE)) == [events_page()], "write it anew: python tests/test_docs.py"


if __name__ == "__main__":
    EVENTS_PAGE.write_text(EVENTS_BLOCK.sub(lambda _: events_page(), text_of(EVENTS_PAGE)), encoding="utf-8")
    HOOKS.write_text(BLOCK.sub(lambda _: hooks_page(), text_of(HOOKS)), encoding="utf-8")
