"""The arguments of one tool call as they come: in chunks, or each time all so far, behind a placeholder or not.

A fragment that begins with all that came may be the whole so far, or go on with it. Where only one of both can become
JSON, it is that one; where both can, what comes next or the end decides, and the fragment is kept back until then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shunpike.wire.lenient import decode

PLACEHOLDERS = frozenset({"{}", "[]", "null"})
"""What some say of arguments that are still to come, and others of a call that needs none."""
_TOKEN = re.compile(r'\s*+(?:("(?:[^"\\]|\\.)*+(?:"|\\?\Z))|([{}\[\],:])|([^\s{}\[\],:"]++))', re.DOTALL)
"""A string, which may go on behind the text; a sign; or any other word. What stands in strings is not judged."""
_NUMBER = re.compile(r"-?[\d.eE+-]*")
_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_VALUE: Mapping[str, str] = {"string": "next", "word": "next", "{": "first key", "[": "first value"}
_STEPS: Mapping[str, Mapping[str, str]] = {
    "value": _VALUE,
    "first value": {**_VALUE, "]": "next"},
    "first key": {"string": "colon", "}": "next"},
    "key": {"string": "colon"},
    "colon": {":": "value"},
    "next": {",": "more", "}": "next", "]": "next"},
}
"""What may follow, and what is expected then."""


@dataclass(slots=True, eq=False)
class Arguments:
    """All that came of the arguments of one call, and what of it is passed on."""

    parts: list[str] = field(default_factory=list)
    """What is certain."""
    size: int = 0
    """Characters of ``parts``."""
    held: str = ""
    """What comes behind that if fragments go on with each other."""
    last: str = ""
    """What is all instead if each fragment is the whole so far."""
    untold: bool = True
    """Whether nothing came yet."""

    @property
    def text(self) -> str:
        """All so far, as it is to be read if nothing more comes."""
        going_on = "".join(self.parts) + self.held
        return self.last if self.last and is_object(self.last) and not is_object(going_on) else going_on

    @property
    def whole(self) -> bool:
        """Whether the arguments so far are all: an object is not followed by anything."""
        return not self.untold and is_object(self.text)

    @property
    def placeholder(self) -> bool:
        """Whether nothing came but a word for nothing."""
        return not self.size and self.held in PLACEHOLDERS

    @property
    def closed(self) -> bool:
        """Whether the arguments are all, and no placeholder of them."""
        return not self.placeholder and self.whole

    def repeats(self, fragment: str) -> bool:
        """Whether ``fragment`` is all that came so far once more, as some close a call with."""
        likely = len(fragment) == self.size + len(self.held) or (self.last and fragment == self.last)
        return bool(likely) and fragment == self.text and self.whole

    def add(self, fragment: str) -> str:
        """Return what ``fragment`` adds for certain."""
        if not fragment or self.repeats(fragment):
            return ""
        self.untold = False
        if not self.size and (fragment.strip() in PLACEHOLDERS or (self.placeholder and not fragment.strip())):
            self.held = fragment.strip() or self.held
            return ""
        if self.placeholder:
            self.held = ""
        return self._decide(fragment) if self.last else self._begin(fragment)

    def settle(self) -> str:
        """Return what was kept back: nothing more comes."""
        if not self.held:
            return ""
        certain, text = "".join(self.parts), self.text
        self.held = self.last = ""
        return self._keep(text.removeprefix(certain) if text.startswith(certain) else text[len(certain.lstrip()) :])

    def _begin(self, fragment: str) -> str:
        """Return what is certain of a fragment; nothing where it may be the whole so far or go on with it."""
        so_far = "".join(self.parts).lstrip() if 0 < self.size <= len(fragment) else ""
        again = fragment.lstrip()
        if not so_far.startswith(("{", "[")) or not again.startswith(so_far) or not may_go_on(again):
            return self._keep(fragment)
        if not may_go_on(so_far + fragment):
            return self._keep(again[len(so_far) :])
        self.held, self.last = fragment, again
        return ""

    def _decide(self, fragment: str) -> str:
        """Return what is certain now of what was kept back."""
        if not fragment.strip():
            self.held, self.last = self.held + fragment, self.last + fragment
            return ""
        certain = "".join(self.parts)
        on, all_again = self.held + fragment, fragment.lstrip().startswith(self.last) and may_go_on(fragment)
        if may_go_on(certain + on):
            self.held = on
            if all_again:
                self.last = fragment.lstrip()
                return ""
            # What follows a whole object is not what follows the same within another.
            self.held = self.last = ""
            return self._keep(on)
        self.held = self.last = ""
        return self._keep(fragment.lstrip()[len(certain.lstrip()) :] if all_again else on)

    def _keep(self, fragment: str) -> str:
        self.parts.append(fragment)
        self.size += len(fragment)
        return fragment


def is_object(text: str) -> bool:
    """Whether ``text`` is a whole JSON object."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        return isinstance(decode(text), dict)
    except ValueError:
        return False


def may_go_on(text: str) -> bool:
    """Whether ``text`` is JSON, or the beginning of some."""
    state, place, opened = "value", 0, ""
    while (found := _TOKEN.match(text, place)) is not None:
        string, sign, word = found.groups()
        place = found.end()
        if word and not _is_value(word, ended=place < len(text)):
            return False
        state = _STEPS[state].get("string" if string else sign or "word", "")
        if sign and sign in "}]":
            if opened[-1:] != ("{" if sign == "}" else "["):
                return False
            opened = opened[:-1]
        elif sign and sign in "{[":
            opened += sign
        if state == "more":
            state = "key" if opened[-1:] == "{" else "value"
        if not state or (sign == "," and not opened):
            return False
    return not text[place:].strip()


def _is_value(word: str, *, ended: bool) -> bool:
    if _NUMBER.fullmatch(word):
        return True
    return word in _WORDS if ended else any(one.startswith(word) for one in _WORDS)
