"""What an answer in prose may have against it, told from its text alone: it loops, refuses, or is in a wrong language.

Each is a guess from form, so each is made only where the form is gross. Lists, tables, code, JSON, poems and short
answers are left alone, and so is whatever the prompt may have asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SHORTEST_LOOP = 240
"""Characters of repetition below which nothing is called a loop."""
REPEATS = 12
"""How often a text repeats the same at its end before that is a loop, where it came to an end by itself."""
REPEATS_CUT = 6
"""The same where it was cut off: what loops does not end by itself."""
_LONGEST_UNIT = 600
_LOOPING_SHARE = 0.4
"""Of the text, that is repetition."""
_PHRASE = 4
"""Words below which a line or sentence is a label or an entry, that may well come often."""
_PHRASES = 12
_DISTINCT = 0.35
_WANTS_REPEATS = re.compile(
    r"\brepeat|\btimes\b|\bover and over|\brefrain|\bchorus|\blyrics|\bsong\b|\bcopies\b|\bmantra", re.IGNORECASE
)
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_ENDS = re.compile(r"[.!?\n]+")
_PROBE = 24

_REFUSAL = re.compile(
    r"(?:i['\u2019]?m |i am )?(?:(?:very |so )?sorry|i apologi[sz]e|my apologies|unfortunately|as an ai[\w ]*)?[,.:;]?"
    r" ?(?:but )?,? ?(?:i|we) (?:can['\u2019]?t|cannot|can not|won['\u2019]?t|will not|am unable to|am not able to)"
    r" (?:assist|help|comply|fulfil+|engage|participate|continue)(?: you)?(?: (?:with|in|further))?"
    r"(?: (?:that|this|it|your|such|the|any|requests?|creating|producing|generating|writing)\b|[.,])",
    re.IGNORECASE,
)
LONGEST_REFUSAL = 400
"""Characters: a longer answer says more than no."""


def loops(text: str, prompt: str, *, cut: bool) -> bool:
    """Whether ``text`` goes round in circles, so that most of what it says is the same again.

    Args:
        text: The whole answer.
        prompt: All that was said to the model: what it asks to be repeated is no loop.
        cut: Whether the output cap ended the answer.

    """
    if len(text) < SHORTEST_LOOP:
        return False
    prose = _FENCED.sub("\n", text) if "```" in text else text
    found = _ends_in_a_loop(prose.rstrip(), prompt, cut=cut) or _says_the_same(prose, prompt)
    return found and _WANTS_REPEATS.search(prompt) is None


def _ends_in_a_loop(text: str, prompt: str, *, cut: bool) -> bool:
    """Whether the end of ``text`` is one phrase again and again, to the letter."""
    probe = text[-_PROBE:]
    before = text.rfind(probe, max(0, len(text) - _LONGEST_UNIT - _PROBE), len(text) - 1)
    if len(probe) < _PROBE or before < 0:
        return False
    period = len(text) - _PROBE - before
    unit = text[-period:]
    repeats, at = 1, len(text) - period
    while text.startswith(unit, at - period) and at >= period:
        repeats, at = repeats + 1, at - period
    # A short unit is found many times over: what counts is how much of the text is made of it.
    if repeats < (REPEATS_CUT if cut else REPEATS) or repeats * period < max(SHORTEST_LOOP, _LOOPING_SHARE * len(text)):
        return False
    return _is_phrase(unit) and unit.strip() not in prompt


def _is_phrase(unit: str) -> bool:
    """Whether it says something: lines that are short are entries of a list, and what has no letters is a drawing."""
    if "|" in unit:
        return False
    if "\n" in unit or "," in unit:
        return any(_lettered(line) >= _PHRASE for line in unit.splitlines())
    return _lettered(unit) > 0 and not any(map(str.isdigit, unit))


def _lettered(text: str) -> int:
    """Return how many of its words have letters."""
    return sum(any(map(str.isalpha, word)) for word in text.split())


def _says_the_same(text: str, prompt: str) -> bool:
    """Whether few of the sentences of ``text`` are new, in whatever order they come again."""
    said = list(_sentences(text))
    new = set(said)
    return (
        len(said) >= _PHRASES
        and len(new) <= _DISTINCT * len(said)
        and 2 * sum(map(len, said)) > len(text)
        and not all(one in prompt for one in new)
    )


def _sentences(text: str) -> Iterator[str]:
    for line in _ENDS.split(text):
        bare = line.strip(" \t*-#>")
        if "|" not in bare and _lettered(bare) >= _PHRASE:
            yield bare


def refuses(text: str) -> bool:
    """Whether all that ``text`` says is that it won't do what was asked, in the words that models have for it."""
    bare = text.strip().strip('"*')
    return len(bare) <= LONGEST_REFUSAL and _REFUSAL.match(bare) is not None


def is_in_another_language(text: str, prompt: str) -> bool:
    """Whether ``text`` is in a language that nothing in ``prompt`` is in, nor speaks of."""
    if len(text) < SHORTEST or "```" in text:
        return False
    own, given = _script(text), _script(prompt)
    if own is None or given is None:
        return False
    if own != given:
        # Names, formulas and labels are written in Latin letters everywhere: prose is not.
        is_prose = own != _LATIN or _language(_words(text)) is not None
        found = is_prose and own not in _scripts(prompt) and given not in _scripts(text)
    else:
        found = own == _LATIN and _differ(_words(text), _words(prompt))
    return found and _SPEAKS_OF_LANGUAGE.search(prompt) is None


def _differ(words: list[str], asked: list[str]) -> bool:
    """Whether both are of a language, and neither has anything of the other's."""
    if len(words) < _ENOUGH_WORDS or len(asked) < _FEWEST_WORDS:
        return False
    language, theirs = _language(words), _language(asked)
    return (
        language is not None
        and theirs is not None
        and language != theirs
        and _share(asked, _COMMON[language] - _COMMON[theirs]) < _HARDLY
        and _share(words, _COMMON[theirs] - _COMMON[language]) < _HARDLY
    )


SHORTEST = 60
"""Characters below which neither a loop nor a language is told."""
_ENOUGH_WORDS = 30
_FEWEST_WORDS = 6
_OFTEN, _HARDLY = 0.15, 0.03
_MOSTLY = 0.7
_LATIN = "latin"
_SPEAKS_OF_LANGUAGE = re.compile(
    r"translat|language|\bspeak|\bwords? for\b|\blocali[sz]|multilingual"
    r"|engli|german|french|spanish|italian|portug|dutch|chinese|mandarin|cantonese|japan|korea|russia|ukrain|arabic"
    r"|hebrew|hindi|greek|latin\b|polish|turk|vietnam|thai|persian|farsi|bengali|tamil|urdu|swedish|norweg|danish"
    r"|finnish|czech|hungar|romanian|indones|hanzi|kanji|hiragana|katakana|cyrill"
    r"|sprache|deutsch|\u00fcbersetz|fran\u00e7ais|tradu[icz]|langue|espa\u00f1ol|idioma|inglese|italiano|lingua"
    r"|vertaal|\u82f1[\u8bed\u8a9e\u6587]|\u4e2d\u6587|\u6c49\u8bed|\u65e5\u672c\u8a9e|\u7ffb[\u8bd1\u8b6f\u8a33]"
    r"|\uc601\uc5b4|\ud55c\uad6d\uc5b4|\ubc88\uc5ed|\u0430\u043d\u0433\u043b\u0438\u0439|\u0440\u0443\u0441\u0441\u043a"
    r"|\u043f\u0435\u0440\u0435\u0432\u0435\u0434|\u044f\u0437\u044b\u043a",
    re.IGNORECASE,
)
"""Where a prompt names a language, or speaks of any, the answer may be in it."""
_RANGES = (
    ("han", 0x3040, 0x30FF),
    ("han", 0x3400, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
    ("cyrillic", 0x0400, 0x052F),
    ("arabic", 0x0600, 0x06FF),
    ("devanagari", 0x0900, 0x097F),
    ("hebrew", 0x0590, 0x05FF),
    ("greek", 0x0370, 0x03FF),
    ("thai", 0x0E00, 0x0E7F),
)
_LOOKED_AT = 1500
"""Characters of a text whose language is looked at: the first."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _counts(text: str) -> dict[str, int]:
    seen = text[:_LOOKED_AT]
    if seen.isascii():
        return {_LATIN: sum(map(str.isalpha, seen))}
    found: dict[str, int] = {}
    for character in seen:
        if character.isalpha():
            script = _script_of(ord(character))
            found[script] = found.get(script, 0) + 1
    return found


def _script_of(code: int) -> str:
    return next((name for name, low, high in _RANGES if low <= code <= high), _LATIN if code < 0x0250 else "other")


def _script(text: str) -> str | None:
    """Return the script that most of ``text`` is written in, None where there is no such, or little text."""
    counts = _counts(text)
    most = max(counts, key=lambda script: counts[script], default=None)
    return most if most is not None and counts[most] >= max(12, _MOSTLY * sum(counts.values())) else None


def _scripts(text: str) -> set[str]:
    """Return the scripts that ``text`` holds more than a sign or two of."""
    return {script for script, count in _counts(text).items() if count > 2}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text[:_LOOKED_AT].lower())


def _language(words: Iterable[str]) -> str | None:
    """Return the language whose common words are many of ``words``, and twice as many as another's."""
    listed = list(words)
    shares = sorted(((_share(listed, common), name) for name, common in _COMMON.items()), reverse=True)
    (first, name), (second, _) = shares[:2]
    return name if first >= _OFTEN and first >= 2 * second else None


def _share(words: list[str], common: frozenset[str]) -> float:
    return sum(map(common.__contains__, words)) / max(len(words), 1)


_COMMON = {
    "english": _listed(
        "the of and to in is that it for was on are as with be this by have from or an at not you which"
    ),
    "german": _listed(
        "der die das und ist in den von zu mit sich des auf f\u00fcr nicht ein eine als auch es an werden"
    ),
    "french": _listed(
        "le la les de des et est un une du en que qui dans pour pas sur au plus par avec ce il sont nous"
    ),
    "spanish": _listed("el la los las de y en que es un una por con para no se del al lo como m\u00e1s su sus pero"),
    "italian": _listed("il la di e che \u00e8 un una per non in del della con sono i gli le si da come pi\u00f9 nel"),
    "portuguese": _listed("o a os as de e que \u00e9 um uma para com n\u00e3o em do da dos no na se por mais como ao"),
    "dutch": _listed("de het een van en in is dat op te zijn met voor niet aan er ook als bij maar om deze door naar"),
}
