"""Finds values for named fields in the words of a prompt, so that structured answers make sense."""

from __future__ import annotations

import re
from functools import cached_property

_QUOTED = re.compile(r"[\"“”'\u2018\u2019`]([^\"“”'\u2018\u2019`\n]{1,80})[\"“”'\u2018\u2019`]")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
_PROPER = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_PLACE = re.compile(r"\b(?:in|for|at|of|from|to|about) ([A-Z][\w-]+(?:,? [A-Z][\w-]+)*)")
_WORD = re.compile(r"\w+")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+\w")
_LINK = re.compile(r"https?://[^\s\"'<>)]+[^\s\"'<>).,]")

_VALUE = r"([^\s\"'”`,;{}][^\"'”`,;\n{}]{0,60})"


class Hints:
    """What a prompt says about fields, taken in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = text[-20_000:]
        self._used = 0
        self._taken = 0

    @cached_property
    def numbers(self) -> list[str]:
        """All numbers in the text."""
        return _NUMBER.findall(self.text)

    @cached_property
    def phrases(self) -> list[str]:
        """Quoted words, then names with a capital, without repeats."""
        found = [*_QUOTED.findall(self.text), *_PLACE.findall(self.text), *_PROPER.findall(self.text)]
        return list(dict.fromkeys(phrase.strip() for phrase in found if phrase.strip()))

    def named(self, name: str) -> str | None:
        """Return what stands after ``name:``, ``name =`` or ``name is``."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]+", " ", name).strip()
        if not words:
            return None
        label = r"[\s_-]*".join(re.escape(word) for word in words.split())
        pattern = rf"\b{label}[\"'`]?\s*(?:=|:|\bis\b|\bare\b|\bof\b|\bnamed\b)\s*[\"'“`]?{_VALUE}"
        found = re.search(pattern, self.text, re.IGNORECASE)
        return found.group(1).strip(" .") if found else None

    def number(self, name: str) -> float | None:
        """Return a number for a field: the one beside its name, else the next unused one."""
        beside = _NUMBER.search(self.named(name) or "")
        if beside:
            return float(beside.group())
        if not self.numbers:
            return None
        value = self.numbers[self._used % len(self.numbers)]
        self._used += 1
        return float(value)

    def boolean(self, name: str) -> bool:
        """Return a truth value for a field: true unless the text denies it."""
        said = (self.named(name) or "").lower()
        return not said.startswith(("no", "false", "not", "off"))

    def string(self, name: str, described: str = "") -> str:
        """Return words for a field: those beside its name, else a quoted or capitalised phrase."""
        said = self.named(name)
        if said:
            return said
        lowered = f"{name} {described}".lower()
        if any(word in lowered for word in ("query", "question", "prompt", "text", "summary", "content", "message")):
            return " ".join(self.text.split())[:160].strip() or name
        if "expression" in lowered and (sum_ := re.search(r"\d[\d\s.+*/()-]*\d", self.text)):
            return sum_.group().strip()
        if self.phrases:
            value = self.phrases[self._taken % len(self.phrases)]
            self._taken += 1
            return value
        words = [word for word in _WORD.findall(self.text) if len(word) > 3]
        return words[-1] if words else (name or "value")

    def mail(self) -> str:
        """Return an e-mail address from the text, or an example."""
        found = _MAIL.search(self.text)
        return found.group() if found else "someone@example.com"

    def link(self) -> str:
        """Return a link from the text, or an example."""
        found = _LINK.search(self.text)
        return found.group() if found else "https://example.com/"

    def mentions(self, value: object) -> bool:
        """Tell whether the text contains a value as a whole word."""
        return re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", self.text, re.IGNORECASE) is not None
