"""The text that a custom tool is given, read out of JSON while that still arrives."""

from __future__ import annotations

import json
import re

_BEGINNING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_MOST_BEFORE = 64
"""Characters within which the text must have begun; else it is of another form."""
_ESCAPE = r"\\(?:u[0-9a-fA-F]{4}|[^u])"
_HIGH = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
"""The first half of a character such as an emoji: it says nothing without what follows it."""
_SURE = re.compile(rf'(?:[^"\\]+|{_HIGH}(?:{_ESCAPE}|(?=[^\\]))|(?!{_HIGH}){_ESCAPE})*')


class CustomInput:
    """Reads ``{"input": "…"}`` fragment by fragment: each call returns what of the text is new.

    Arguments of any other form yield nothing: what they mean is known when they are whole.
    """

    def __init__(self) -> None:
        self._rest = ""
        """What was read and not told yet."""
        self._has_begun = False
        self._is_over = False

    def add(self, fragment: str) -> str:
        """Return the text in ``fragment``, as far as it is sure."""
        if self._is_over:
            return ""
        self._rest += fragment
        if not self._has_begun and not self._begin():
            return ""
        found = _SURE.match(self._rest)
        end = 0 if found is None else found.end()
        raw, self._rest = self._rest[:end], self._rest[end:]
        self._is_over = self._rest.startswith('"')
        return raw if "\\" not in raw else self._unescaped(raw)

    def _begin(self) -> bool:
        found = _BEGINNING.match(self._rest)
        if found is None:
            self._is_over = len(self._rest) > _MOST_BEFORE
            return False
        self._has_begun, self._rest = True, self._rest[found.end() :]
        return True

    def _unescaped(self, raw: str) -> str:
        try:
            return whole_characters(str(json.loads(f'"{raw}"', strict=False)))
        except ValueError:
            # No JSON: whoever reads the whole of it takes it as it was written.
            self._is_over = True
            return ""


def whole_characters(text: str) -> str:
    """Return ``text`` with a question mark for each half of a character, which no answer can hold."""
    return text.encode("utf-8", "replace").decode()
