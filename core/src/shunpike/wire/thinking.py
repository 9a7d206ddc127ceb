"""What a model wrote into its text and is not its answer: thinking between tags, and the fence around JSON.

Only what leads the text counts: a program that mentions a tag further down stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

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
CLOSINGS = tuple(closing for _, closing in TAGS)
BLANK = " \t\r\n\ufeff"
_CLOSING = re.compile("|".join(map(re.escape, CLOSINGS)), re.IGNORECASE)
_OPENING = re.compile("|".join(re.escape(opening) for opening, _ in TAGS), re.IGNORECASE)
_FENCED = re.compile(r"(`{3,}|~{3,})[ \t]*(?:json\w*)?[ \t]*\r?\n?(.*?)\1", re.DOTALL | re.IGNORECASE)
_QUOTES = "`'\"()“”\u2018\u2019«»"
"""What stands around a tag that is spoken of."""


class Told(NamedTuple):
    """A text as it is meant."""

    reasoning: str
    text: str


def read(text: str, known: str = "", *, wants_json: bool = False) -> Told:
    """Return the thinking and the answer of a whole text; ``known`` is what was told as thinking beside it."""
    thoughts, rest = _apart(text, alone=not known)
    reasoning = _together(known, thoughts)
    return Told(reasoning, plain_json(rest) if wants_json else rest)


def plain_json(text: str) -> str:
    """Return the JSON that a text is, or is in its one fence; any other text as it is."""
    bare = text.strip(BLANK)
    if text.startswith("\ufeff") and is_json(bare):
        return bare
    fenced = _FENCED.fullmatch(bare) if bare.startswith(("`", "~")) else None
    inner = fenced[2].strip(BLANK) if fenced else ""
    return inner if is_json(inner) else text


def is_json(text: str) -> bool:
    """Whether ``text`` is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def opening_of(text: str) -> tuple[str, str] | None:
    """Return the pair of tags that ``text`` opens with."""
    head = text[:20].lower()
    return next((pair for pair in TAGS if head.startswith(pair[0])), None)


def closing_of(text: str) -> str:
    """Return the closing that ``text`` begins with, which closes nothing; empty where it begins otherwise."""
    head = text[:20].lower()
    return next((closing for closing in CLOSINGS if head.startswith(closing)), "")


def may_be_tag(text: str) -> bool:
    """Whether ``text`` could be the beginning of a tag, of which more is to come."""
    head = text[:20].lower()
    return any(tag.startswith(head) for pair in TAGS for tag in pair)


def find(text: str, tag: str) -> int:
    """Return where ``tag`` is in ``text``, -1 where it is not."""
    return text.lower().find(tag) if text.isascii() else _find_strange(text, tag)


def _find_strange(text: str, tag: str) -> int:
    found = re.search(re.escape(tag), text, re.IGNORECASE)  # Small letters of some alphabets are longer.
    return found.start() if found else -1


def _apart(text: str, *, alone: bool) -> tuple[list[str], str]:
    """Return the thoughts that lead ``text``, and what follows them. ``alone``: a closing without opening counts."""
    thoughts: list[str] = []
    while True:
        rest = text.lstrip(BLANK)
        if (pair := opening_of(rest)) is not None:
            rest = rest[len(pair[0]) :]
            end = find(rest, pair[1])
            inner, text = (rest, "") if end < 0 else (rest[:end], rest[end + len(pair[1]) :].lstrip(BLANK))
            thoughts.append(inner.strip(BLANK))
        elif alone and not any(thoughts) and (found := _lone_closing(text)) is not None:
            # The template of the prompt opened it: what stands before was thought.
            thoughts.append(text[: found.start()].strip(BLANK))
            text = text[found.end() :].lstrip(BLANK)
        else:
            return thoughts, text


def _lone_closing(text: str) -> re.Match[str] | None:
    """Return the closing that ends thoughts which nothing opened; not one that the text speaks of."""
    found = _CLOSING.search(text)
    if found is None or _OPENING.search(text, 0, found.start()) or text.count("```", 0, found.start()) % 2:
        return None
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    spoken_of = (before and before in _QUOTES) or (after and after in _QUOTES)
    in_a_line = before in (" ", "\t") and after not in ("", "\r", "\n")
    return None if spoken_of or in_a_line else found


def _together(known: str, thoughts: Iterable[str]) -> str:
    """Return the thinking that was told apart with what stood in the text, unless that is the same again."""
    found = "\n\n".join(filter(None, thoughts))
    if not found or not known:
        return known or found
    return known if found in known else f"{known}\n\n{found}"
