"""How many tokens a prompt will take, before anybody has counted them.

Two numbers. The *estimate* goes by script class and is never under for ordinary text, digits, hex or Chinese; token
limits are held with it. The *bound* is one that no tokenizer exceeds: byte-level vocabularies need at least one byte
a token. Money is held with that.
"""

from __future__ import annotations

import json
import re
import unicodedata

from shunpike.protocols import Tokenizer
from shunpike.types import ChatRequest, ImagePart, Message, TextPart

PER_MESSAGE = 8
"""Tokens around one message: role, separators; four are common, templates with dates take more."""
PER_IMAGE = 1_600
"""An image at the largest usual tiling (85 + 170 a tile of 512 px up to 2048 by 768 takes 1,445)."""
HIDDEN = 64
"""What a chat template may add to a whole prompt."""

_CLASSES = re.compile(
    r"(?P<word> ?[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<space>[ \t]+)|(?P<line>[\r\n]+)"
    r"|(?P<ascii>[\x00-\x7f])|(?P<other>[^\x00-\x7f]+)"
)
_LETTERS_PER_TOKEN = 4


class Estimate:
    """Counts by script class, from above: tiktoken's o200k_base stays below it on prose, code, hex and Chinese."""

    label = "estimate"

    def count(self, text: str) -> int:
        """Return the estimated number of tokens of ``text``."""
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


def _foreign(text: str) -> int:
    """Chinese and the like take one to two tokens a character; accented Latin and Cyrillic under one."""
    return sum(1 if ord(char) < 0x0600 else 2 if ord(char) < 0x10000 else 4 for char in text)


ESTIMATE = Estimate()


def prompt_tokens(request: ChatRequest, tokenizer: Tokenizer = ESTIMATE) -> int:
    """Return the tokens of the whole prompt: messages, images, tools and schema."""
    counted = sum(tokenizer.count(text) for text in _texts(request))
    return counted + PER_MESSAGE * len(request.messages) + PER_IMAGE * _images(request)


def prompt_bound(request: ChatRequest) -> int:
    """Return a number of tokens that no tokenizer exceeds: bytes of the text or of its NFKC form."""
    size = 0
    for text in _texts(request):
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
