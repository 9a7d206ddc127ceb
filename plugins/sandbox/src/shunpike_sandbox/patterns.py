"""Makes a string that a regular expression matches: best effort, checked by the caller."""

from __future__ import annotations

import importlib
import re
from typing import Any

# The parser moved to a private module in Python 3.11; there is no public one.
_parser: Any = importlib.import_module("re._parser")
_CATEGORY = {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " ", "CATEGORY_NOT_DIGIT": "a"}
_SPICES = ("aa1", "aA1", "A1!", "A1@", "a1_", "1A-", "a-1", "111", "AAA", "zzz", "a1a", "b2c")
_MOST_REPEATS = 20_000
_PRINTABLE = "a1A _-." + "".join(map(chr, range(33, 127)))


def example(pattern: str, minimum: int = 0) -> str | None:
    """Return a string of at least ``minimum`` characters (if it can be) that the pattern finds."""
    try:
        tree = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    for extra in (0, minimum):
        text = _Maker(extra).sequence(tree)
        if text is not None and len(text) < minimum and not pattern.endswith("$"):
            text += "a" * (minimum - len(text))
        if text is None or len(text) < minimum:
            continue
        if re.search(pattern, text):
            return text
        # The walk does not see look-aheads, of which passwords are fond: a digit here, a capital there.
        spiced = (text[:-1] + end for end in ("1", "A", "!")) if len(text) < 3 else (text[:-3] + end for end in _SPICES)
        found = next((one for one in spiced if re.search(pattern, one)), None)
        if found is not None:
            return found
    return None


class _Maker:
    """Walks the parse tree; ``extra`` repeats are spent on the first repeats that allow them."""

    def __init__(self, extra: int) -> None:
        self._extra = extra
        self._groups: dict[int, str] = {}

    def sequence(self, tree: Any) -> str | None:
        parts: list[str] = []
        for operation, argument in tree:
            part = self._one(str(operation), argument)
            if part is None:
                return None
            parts.append(part)
        return "".join(parts)

    def _one(self, operation: str, argument: Any) -> str | None:  # noqa: C901, PLR0911  # one case an operation
        match operation:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return next(sign for sign in _PRINTABLE if ord(sign) != argument)
            case "ANY":
                return "a"
            case "IN":
                return self._set(argument)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeat(*argument)
            case "SUBPATTERN":
                text = self.sequence(argument[-1])
                self._groups[argument[0]] = text or ""
                return text
            case "BRANCH":
                options = (self.sequence(branch) for branch in argument[1])
                return next((option for option in options if option is not None), None)
            case "GROUPREF":
                return self._groups.get(argument, "")
            case "ATOMIC_GROUP":
                return self.sequence(argument)
            case "AT" | "ASSERT" | "ASSERT_NOT":
                return ""
        return None

    def _repeat(self, low: int, high: Any, tree: Any) -> str | None:
        room = self._extra if int(high) > 10**6 else min(self._extra, int(high) - low)
        self._extra -= room
        one = self.sequence(tree)
        return None if one is None or low > _MOST_REPEATS else one * (low + room)

    def _set(self, items: Any) -> str | None:
        negated = str(items[0][0]) == "NEGATE"
        if negated:
            return next((sign for sign in _PRINTABLE if not self._inside(sign, items[1:])), None)
        return next((sign for sign in _PRINTABLE if self._inside(sign, items)), self._first(items))

    def _inside(self, sign: str, items: Any) -> bool:
        for operation, argument in items:
            name = str(operation)
            if name == "LITERAL" and ord(sign) == argument:
                return True
            if name == "RANGE" and argument[0] <= ord(sign) <= argument[1]:
                return True
            if name == "CATEGORY" and self._category(sign, str(argument)):
                return True
        return False

    @staticmethod
    def _category(sign: str, name: str) -> bool:
        plain = name.replace("NOT_", "")
        classes = {"CATEGORY_DIGIT": sign.isdigit(), "CATEGORY_SPACE": sign.isspace()}
        inside = classes.get(plain, sign.isalnum() or sign == "_")
        return inside != ("NOT_" in name)

    @staticmethod
    def _first(items: Any) -> str | None:
        operation, argument = items[0]
        name = str(operation)
        if name == "LITERAL":
            return chr(argument)
        return chr(argument[0]) if name == "RANGE" else _CATEGORY.get(str(argument))
