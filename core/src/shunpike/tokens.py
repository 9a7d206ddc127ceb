"""How many tokens a prompt will take, before anybody has counted them.

Two numbers. The *estimate* goes by script class and is never under for ordinary text, digits, hex or Chinese; token
limits are held with it. The *bound* is one that no tokenizer exceeds: byte-level vocabularies need at least one byte
a token. Money is held with that.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path

from shunpike.protocols import Tokenizer
from shunpike.types import ChatRequest, ImagePart, Message, TextPart

PER_MESSAGE = 8
"""Tokens around one message: role, separators; four are common, templates with dates take more."""
PER_IMAGE = 1_600
"""An image at the largest usual tiling (85 + 170 a tile of 512 px up to 2048 by 768 takes 1,445)."""
HIDDEN = 64
"""What a chat template may add to a whole prompt."""

LONGEST = 200_000
"""Characters of one text that a vocabulary counts in some hundredths of a second."""

_CLASSES = re.compile(
    r"(?P<word> ?[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<space>[ \t]+)|(?P<line>[\r\n]+)"
    r"|(?P<ascii>[\x00-\x7f])|(?P<other>[^\x00-\x7f]+)"
)
_PROSE = re.compile(r"(?: ?[A-Za-z]+|[!-/:-@\[-`{-~])*+")
"""Words, each with one blank before it at most, and punctuation: what most texts are made of is counted faster."""
_WORD = re.compile(r"[A-Za-z]+")
_LETTERS_PER_TOKEN = 4
_SHORT = 24
"""Characters of a text whose count is kept."""
_VOCABULARIES = "https://openaipublic.blob.core.windows.net/encodings"
"""Where tiktoken has its vocabularies from, by its own source; from another address none is found: estimates serve."""


class Estimate:
    """Counts by script class, from above: tiktoken's o200k_base stays below it on prose, code, hex and Chinese."""

    label = "estimate"

    def count(self, text: str) -> int:
        """Return the estimated number of tokens of ``text``."""
        return _short(text) if len(text) <= _SHORT else _counted(text)


def _counted(text: str) -> int:
    if _PROSE.fullmatch(text):
        words = _WORD.findall(text)
        marks = len(text) - text.count(" ") - sum(map(len, words))
        return sum([-(-len(word) // _LETTERS_PER_TOKEN) for word in words]) + marks
    total = 0
    after_digits = False
    for match in _CLASSES.finditer(text):
        kind = match.lastgroup
        length = match.end() - match.start()
        if kind == "word":
            letters = length - match.group().startswith(" ")
            total += letters if after_digits else -(-letters // _LETTERS_PER_TOKEN)
        elif kind == "space":
            total += -(-length // 4)
        elif kind == "other":
            total += _foreign(match.group())
        else:
            total += length
        # Letters right behind digits are hex or ids, which no vocabulary knows as words.
        after_digits = kind == "digits"
    return total


_short = lru_cache(4096)(_counted)
"""The chunks of streams are words, most of which come again and again."""


def _foreign(text: str) -> int:
    """Chinese and the like take one to two tokens a character; accented Latin and Cyrillic under one."""
    return sum(1 if ord(char) < 0x0600 else 2 if ord(char) < 0x10000 else 4 for char in text)


ESTIMATE = Estimate()


class Vocabulary:
    """Counts with a vocabulary of tiktoken's that is on this disk."""

    def __init__(self, label: str, count: Callable[[str], int]) -> None:
        self._label = label
        self._count = count

    @property
    def label(self) -> str:
        """The vocabulary's name, such as ``o200k_base``."""
        return self._label

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text``; what looks like a special token is ordinary text.

        What is longer than `LONGEST` characters is estimated: to count it would hold everything else up.
        """
        return self._count(text) if len(text) <= LONGEST else ESTIMATE.count(text)


@cache
def tokenizer_for(model: str) -> Tokenizer:
    """Return the counter for ``model``: its own vocabulary where tiktoken knows it and has it on disk, else `ESTIMATE`.

    Nothing is ever downloaded: tiktoken would do so where a vocabulary is missing, so that is looked up first.
    """
    try:
        tiktoken, models = import_module("tiktoken"), import_module("tiktoken.model")
    except ImportError:
        return ESTIMATE
    try:
        name = models.encoding_name_for_model(model.rpartition("/")[2])
    except KeyError:
        return ESTIMATE
    if not _on_disk(name):
        return ESTIMATE
    encoding = tiktoken.get_encoding(name)
    return Vocabulary(name, lambda text: len(encoding.encode_ordinary(text)))


def _on_disk(vocabulary: str) -> bool:
    """Return whether the file is there: tiktoken keeps each file under the SHA-1 of the address it came from."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    place = Path(folder) if folder else Path(tempfile.gettempdir()) / "data-gym-cache"
    name = hashlib.sha1(f"{_VOCABULARIES}/{vocabulary}.tiktoken".encode(), usedforsecurity=False).hexdigest()
    return (place / name).is_file()


def prompt_tokens(request: ChatRequest, tokenizer: Tokenizer = ESTIMATE) -> int:
    """Return the tokens of the whole prompt: messages, images, tools and schema."""
    counted = sum(tokenizer.count(text) for text in _texts(request))
    return counted + PER_MESSAGE * len(request.messages) + PER_IMAGE * _images(request)


def prompt_bound(request: ChatRequest) -> int:
    """Return a number of tokens that no tokenizer exceeds: bytes of the text or of its NFKC form."""
    size = 0
    # What a provider kept for itself in a message goes back to it, and is billed there.
    kept = [json.dumps(one.private, ensure_ascii=False, default=str) for one in request.messages if one.private]
    for text in (*_texts(request), *kept):
        size += max(
            len(text.encode("utf-8", "replace")), len(unicodedata.normalize("NFKC", text).encode("utf-8", "replace"))
        )
    return size + (PER_MESSAGE * 2) * len(request.messages) + PER_IMAGE * _images(request) + HIDDEN


def _texts(request: ChatRequest) -> list[str]:
    texts = [text for message in request.messages for text in _message_texts(message)]
    for extra in (request.tools, request.response_format):
        if extra:
            texts.append(json.dumps(extra, ensure_ascii=False))
    return texts


def _message_texts(message: Message) -> list[str]:
    texts = [message.text, message.reasoning or "", message.name or ""]
    texts += [call.function.name + call.function.arguments for call in message.tool_calls or ()]
    if isinstance(message.content, tuple):
        texts += [part.model_dump_json() for part in message.content if not isinstance(part, TextPart | ImagePart)]
    return texts


def _images(request: ChatRequest) -> int:
    parts = (part for message in request.messages if isinstance(message.content, tuple) for part in message.content)
    return sum(isinstance(part, ImagePart) for part in parts)
