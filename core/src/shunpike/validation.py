"""What a value should have been, in the same words wherever it came from: a call, an option, a variable or a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SHOWN = 80
"""Characters of a wrong value that are repeated."""
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen": "a list",
    "dict": "an object of names and values",
    "mapping": "an object of names and values",
    "model": "an object of names and values",
}


def complaint(detail: ErrorDetails, verb: str = "must be") -> str:
    """Return what is wrong with one value, such as ``must be at least 1``, without the value.

    What a validator of our own said is returned as it said it.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"{verb} {words} {_number(context[name])}"
    if kind in ("literal_error", "enum"):
        return f"{verb} {context['expected']}"
    if kind == "too_short":
        return f"{verb} a list of at least {context['min_length']}"
    if kind == "missing":
        return "is missing"
    expected = _KINDS.get(kind.partition("_")[0])
    if expected is not None and kind != "string_pattern_mismatch":
        return f"{verb} {expected}"
    said = detail["msg"].removeprefix("Value error, ")
    return re.sub(r"^(?:Input|Value) (?:should|must) be", verb, said)


def about(detail: ErrorDetails) -> str:
    """Return the complaint behind the name of the field it is about, such as ``n must be at least 1``."""
    name = ".".join(str(part) for part in detail["loc"])
    between = ": " if detail["type"] == "value_error" else " "
    return f"{name}{between}{complaint(detail)}" if name else complaint(detail)


def shown(value: object) -> str:
    """Return a wrong value for an error, cut to one line's room; a stranger's ``repr`` may fail."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - it is a stranger's code
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def near(word: str, known: Iterable[str]) -> str:
    """Return ``. Did you mean 'x'?`` for a near miss, whatever its capitals, else nothing."""
    plain = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), plain, n=1, cutoff=0.65)
    return f". Did you mean {plain[found[0]]!r}?" if found else ""


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
