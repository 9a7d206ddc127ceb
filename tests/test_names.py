"""Names: a class is called what no other is called, and the words that were given up stay away.

What is used instead stands in ``docs/glossary.md``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shunpike.cli.commands import COMMANDS, load
from shunpike.client import EmbedOptions, Options
from shunpike.types import Settings

from .imports import ROOT, modules

PROSE = re.compile(r"[A-Za-z]+")
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
CLASSES = frozenset(
    PROSE.findall(
        "Abilities Ask Closure Ending Errand House Inquiry Journey Lesson Memory Piece Proof Refusal Roster Route Try"
    )
)
MODULES = frozenset(
    PROSE.findall(
        "abilities closures endings errand house inquiry journey judge kinds lessons losses own pieces proofs roster "
        "route said unsent"
    )
)
WORDS = frozenset(
    PROSE.findall(
        "errand errands house houses inquiries inquiry journey journeys lesson lessons proof proofs roster rosters"
    )
)
"""Nowhere: no name, no comment, no text, no page."""
IDENTIFIERS = WORDS | {"abilities", "ability", "closure", "closures", "judge"}
"""No part of a name. As plain words, and as the tables of a database, they may stand."""
MOMENTS = frozenset({"at", "began", "begun", "ended", "expires", "seen", "since", "started", "until", "when"})
"""Names of a field that do not tell which clock its moment is on."""
ROWS = "shunpike.ledger.rows"
"""The fields there are columns of the databases."""
OPTIONS = {"claim", "deadline"}
SETTINGS = {"deadline", "pace_text", "reserve"}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]


def parts_of(name: str) -> set[str]:
    """Return the words that a name is made of, in small letters."""
    return {part.lower() for part in PARTS.findall(name)}


@cache
def tokens() -> list[tuple[str, int, bool, str]]:
    """Return file, line, whether it is a name, and text of all names, comments and strings of the code."""
    kinds = {tokenize.NAME, tokenize.COMMENT, tokenize.STRING}
    files = [*modules().values(), *(file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__))]
    found = []
    for file in files:
        read = tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline)
        name = file.relative_to(ROOT).as_posix()
        found += [(name, one.start[0], one.type == tokenize.NAME, one.string) for one in read if one.type in kinds]
    return found


def classes() -> Iterator[tuple[str, str]]:
    for module, file in modules().items():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, module


def test_a_class_is_called_what_no_other_is_called() -> None:
    count = Counter(name for name, _ in classes())
    assert not [f"{module}.{name}" for name, module in classes() if count[name] > 1]


def test_no_class_and_no_module_has_a_name_that_was_given_up() -> None:
    assert not [f"{module}.{name}" for name, module in classes() if name in CLASSES]
    assert not [name for name in modules() if name.rpartition(".")[2] in MODULES]


def test_no_name_in_the_code_is_made_of_a_word_that_was_given_up() -> None:
    assert not [
        f"{file}:{line}: {text}" for file, line, name, text in tokens() if name and parts_of(text) & IDENTIFIERS
    ]


def test_no_comment_and_no_text_in_the_code_has_a_word_that_was_given_up() -> None:
    said = [(file, line, {word.lower() for word in PROSE.findall(text)} & WORDS) for file, line, _, text in tokens()]
    assert not [f"{file}:{line}: {sorted(words)}" for file, line, words in said if words]


def test_no_page_has_a_word_that_was_given_up() -> None:
    for page in PAGES:
        words = {word.lower() for word in PROSE.findall(page.read_text(encoding="utf-8"))}
        assert not words & WORDS, page


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_command_shows_a_word_that_was_given_up(name: str) -> None:
    command = load(name)
    with command.make_context(name, [], resilient_parsing=True) as context:
        assert not {word.lower() for word in PROSE.findall(command.get_help(context))} & (WORDS | {"deadline"})


def test_no_option_and_no_setting_has_a_name_that_was_given_up() -> None:
    assert not OPTIONS & {*Options.__annotations__, *EmbedOptions.__annotations__}
    assert not SETTINGS & {*Settings.model_fields}


def assigned(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Return what is set in ``tree``, to what: names, attributes and arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            (target,), value = node.targets[:1], node.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                yield from zip(target.elts, value.elts, strict=False)
            else:
                yield target, value
        elif isinstance(node, ast.AnnAssign | ast.keyword | ast.NamedExpr) and node.value is not None:
            yield node if isinstance(node, ast.keyword) else node.target, node.value


def is_monotonic(value: ast.expr) -> bool:
    """Whether ``value`` is read of the monotonic clock, or so long after that."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return is_monotonic(value.left) or is_monotonic(value.right)
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "monotonic"


def test_what_is_read_of_the_monotonic_clock_is_called_so() -> None:
    """So that no moment of one clock is ever held against the other's: the wall clock's are ``now`` and ``…_at``."""
    read = [
        f"{module}:{value.lineno}: {name}"
        for module, file in modules().items()
        for target, value in assigned(ast.parse(file.read_text(encoding="utf-8")))
        if is_monotonic(value)
        for name in [getattr(target, "attr", None) or getattr(target, "id", None) or getattr(target, "arg", "")]
    ]
    assert len(read) > 20
    assert not [one for one in read if not one.endswith("_mono")]


def test_a_field_that_is_a_moment_tells_by_its_name_or_type_on_which_clock() -> None:
    told = [
        f"{module}: {node.name}.{field.target.id}"
        for module, file in modules().items()
        if module.partition(".")[0] == "shunpike" and module != ROWS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id in MOMENTS
        if ast.unparse(field.annotation).partition(" | ")[0] == "float"
    ]
    assert not told
