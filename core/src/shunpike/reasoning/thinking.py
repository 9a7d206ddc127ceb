"""What a model wrote into its text and is not its answer: thinking between tags, and the fence around JSON.

Only what leads the text counts: a program that mentions a tag further down stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import NamedTuple

from shunpike.types import ChatRequest

TAGS = (
    ("<think>", "</think>"),  # DeepSeek, Qwen, GLM and many more
    ("<thinking>", "</thinking>"),  # Nova
    ("<thought>", "</thought>"),  # Gemini behind some gateways
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),  # MiniMax
    ("[think]", "[/think]"),  # Mistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|start_thinking|>", "<|end_thinking|>"),  # Command
    ("<|channel>thought", "<channel|>"),  # Gemma 4
)
"""Openings and closings, in small letters; how they are written does not matter."""
ASKED_FOR = ("<thinking>", "<thought>", "<thoughts>", "<reasoning>")
"""Openings that prompts ask for as a part of the answer's form: words, and no model's own mark."""
_STARTS = ("<|start|>assistant", "")
_FORMS = ("", "<|constrain|>json", " <|constrain|>json", " json")
THINKING = tuple(f"{start}<|channel|>{name}<|message|>" for start, name in product(_STARTS, ("analysis", "commentary")))
"""Openings of the channels of gpt-oss ("harmony"), where a server passes on what leads them."""
FINAL = tuple(f"{start}<|channel|>final{form}<|message|>" for start, form in product(_STARTS, _FORMS))
"""Openings of its answer."""
CLOSINGS = ("<|return|>", "<|end|>")
"""What may close its answer; the second closes its thinking."""
BLANK = " \t\r\n\ufeff"
_ATTRIBUTES = r"(?:\s{1,4}[\w:-]{1,20}\s{0,4}=[^<>]{0,60})?\s{0,4}>"
_BEHIND_NAME = re.compile(r"[\s>]")
_ANY_CASE = re.IGNORECASE | re.ASCII
_MOST_HEAD = 120
"""Characters of a text that an opening with its attributes may have."""

Pair = tuple[str, str]
Pairs = tuple[Pair, ...]
_FENCED = re.compile(r"(`{3,}|~{3,})[ \t]*(?:json\w*)?[ \t]*\r?\n?(.*?)\1[`~]*", re.DOTALL | re.IGNORECASE)
_TITLED = re.compile(r"(`{3,}|~{3,})[^\r\n]*\r?\n(.*?)\1[`~]*", re.DOTALL)
"""With more than a word behind the opening: ``json title="x"``, ``{json}``."""
_QUOTES = "`'\"()“”\u2018\u2019«»"
"""What stands around a tag that is spoken of."""


class SplitText(NamedTuple):
    """A text as it is meant."""

    reasoning: str
    text: str


def read(text: str, known: str = "", *, wants_json: bool = False, pairs: Pairs = TAGS) -> SplitText:
    """Return the thinking and the answer of a whole text; ``known`` is what was told as thinking beside it."""
    thoughts, rest = _apart(text, pairs, alone=not known)
    reasoning = _together(known, thoughts)
    return SplitText(reasoning, plain_json(rest) if wants_json else rest)


def pairs_for(request: ChatRequest) -> Pairs:
    """Return the tags that set thinking apart from what was asked for: what a prompt names is a part of the answer.

    Where JSON is asked for all of them do, as it would be none with any.
    """
    if request.json_mode is not None:
        return TAGS
    asked = "".join(message.text for message in request.messages if message.role != "assistant").lower()
    kept = [opening for opening in ASKED_FOR if opening in asked]
    return tuple(pair for pair in TAGS if pair[0] not in kept) if kept else TAGS


def plain_json(text: str) -> str:
    """Return the JSON that a text is, or is in its one fence; any other text as it is."""
    bare = text.strip(BLANK)
    if text.startswith("\ufeff") and is_json(bare):
        return bare
    if not bare.startswith(("`", "~")):
        return text
    found = (fence.fullmatch(bare) for fence in (_FENCED, _TITLED))
    inner = (fenced[2].strip(BLANK) for fenced in found if fenced)
    return next(filter(is_json, inner), text)


def is_json(text: str) -> bool:
    """Whether ``text`` is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def opening_of(text: str, pairs: Pairs = TAGS) -> Pair | None:
    """Return the opening that ``text`` begins with, as it is written there, and its closing."""
    if channel := _first(text, THINKING):
        return channel, CLOSINGS[1]
    found = _openings(pairs).match(text[:_MOST_HEAD])
    if found is None:
        return None
    written = found[0].lower()
    bare = _BEHIND_NAME.split(written, 1)[0] + ">"
    return found[0], next(closing for opening, closing in pairs if opening in (written, bare))


def closing_of(text: str, pairs: Pairs = TAGS) -> str:
    """Return the closing that ``text`` begins with, which closes nothing; empty where it begins otherwise."""
    if channel := _first(text, FINAL):
        return channel
    head = text[:20].lower()
    return next((closing for _, closing in pairs if head.startswith(closing)), "")


def may_be_tag(text: str, pairs: Pairs = TAGS) -> bool:
    """Whether ``text`` could be the beginning of a tag, of which more is to come."""
    head = text[:_MOST_HEAD].lower()
    return (
        any(opening.startswith(text) for opening in (*THINKING, *FINAL))
        or any(tag.startswith(head) for pair in pairs for tag in pair)
        or bool(_begun(pairs).fullmatch(text))
    )


def find(text: str, tag: str) -> int:
    """Return where ``tag`` is in ``text``, -1 where it is not."""
    return text.lower().find(tag) if text.isascii() else _find_strange(text, tag)


def _find_strange(text: str, tag: str) -> int:
    found = re.search(re.escape(tag), text, re.IGNORECASE)  # Small letters of some alphabets are longer.
    return found.start() if found else -1


def _apart(text: str, pairs: Pairs, *, alone: bool) -> tuple[list[str], str]:
    """Return the thoughts that lead ``text``, and what follows them. ``alone``: a closing without opening counts."""
    thoughts: list[str] = []
    channels = False
    while True:
        rest = text.lstrip(BLANK)
        if channel := _first(rest, FINAL):
            channels, text = True, rest[len(channel) :]
        elif (pair := opening_of(rest, pairs)) is not None:
            inner, text = _inside(rest[len(pair[0]) :], pair[1], pairs)
            thoughts.append(inner.strip(BLANK))
        elif thoughts and (closing := closing_of(rest, pairs)):
            text = rest[len(closing) :].lstrip(BLANK)
        elif alone and (found := _lone_closing(text, pairs, again=any(thoughts))) is not None:
            # The template of the prompt opened it: what stands before was thought.
            thoughts.append(text[: found.start()].strip(BLANK))
            text = text[found.end() :].lstrip(BLANK)
        else:
            return thoughts, _without_closing(text) if channels else text


def _without_closing(text: str) -> str:
    bare = text.rstrip()
    closing = next(filter(bare.endswith, CLOSINGS), "")
    return bare[: len(bare) - len(closing)] if closing else text


def _first(text: str, openings: tuple[str, ...]) -> str:
    """Return the opening that ``text`` begins with, empty where it begins otherwise."""
    return next(filter(text.startswith, openings), "")


def _inside(rest: str, closing: str, pairs: Pairs) -> tuple[str, str]:
    """Return the thoughts behind an opening, and what follows them: nothing where they never end."""
    end = find(rest, closing)
    if end < 0:
        # Some close with the word of another model.
        other = _lone_closing(rest, pairs)
        return (rest, "") if other is None else (rest[: other.start()], rest[other.end() :].lstrip(BLANK))
    end = _outer_end(rest, closing, end, pairs)
    return rest[:end], rest[end + len(closing) :].lstrip(BLANK)


def _outer_end(text: str, closing: str, first: int, pairs: Pairs) -> int:
    """Return where thoughts end that hold others: at ``first`` where those do not end for themselves."""
    opening = next((re.escape(opening) for opening, other in pairs if other == closing), None)
    if opening is None or not re.search(opening, text[:first], _ANY_CASE):
        return first
    depth = 1
    for tag in re.finditer(f"{opening}|({re.escape(closing)})", text, _ANY_CASE):
        if not tag[1]:
            depth += 1
        elif tag.start() == first or not _is_spoken_of(text, tag):
            depth -= 1
        if not depth:
            return tag.start()
    return first


def _lone_closing(text: str, pairs: Pairs, *, again: bool = False) -> re.Match[str] | None:
    """Return the closing that ends thoughts which nothing opened; not one that the text speaks of, or that is data.

    ``again``: thoughts ended already, and only one that ends its line shows that they had not.
    """
    found = _closings(pairs).search(text)
    if found is None or _openings(pairs).search(text, 0, found.start()):
        return None
    if again and text[found.end() :][:1] not in ("\r", "\n"):
        return None
    return None if _is_spoken_of(text, found) or is_json(text.strip(BLANK)) else found


def _is_spoken_of(text: str, tag: re.Match[str]) -> bool:
    """Whether a tag stands in quotes, in a program or in a line."""
    before, after = text[: tag.start()][-1:], text[tag.end() :][:1]
    if text.count("```", 0, tag.start()) % 2 or (before and before in _QUOTES) or (after and after in _QUOTES):
        return True
    return before in (" ", "\t") and after not in ("", "\r", "\n")


@cache
def _openings(pairs: Pairs) -> re.Pattern[str]:
    """Match openings; one in angles may have attributes."""
    return re.compile("|".join(_opening(opening) for opening, _ in pairs), _ANY_CASE)


def _opening(tag: str) -> str:
    named = tag.startswith("<") and tag.endswith(">") and "|" not in tag
    return re.escape(tag[:-1]) + _ATTRIBUTES if named else re.escape(tag)


@cache
def _begun(pairs: Pairs) -> re.Pattern[str]:
    """Match an opening of which the attributes are not whole."""
    names = (re.escape(opening[:-1]) for opening, _ in pairs if _opening(opening) != re.escape(opening))
    return re.compile(f"(?:{'|'.join(names)})\\s[^<>]{{0,95}}", _ANY_CASE)


@cache
def _closings(pairs: Pairs) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(closing) for _, closing in pairs), _ANY_CASE)


def _together(known: str, thoughts: Iterable[str]) -> str:
    """Return the thinking that was told apart with what stood in the text, unless that is the same again."""
    found = "\n\n".join(filter(None, thoughts))
    if not found or not known:
        return known or found
    return known if found in known else f"{known}\n\n{found}"
