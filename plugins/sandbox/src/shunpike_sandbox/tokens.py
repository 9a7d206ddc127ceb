"""A small deterministic tokenizer of the sandbox's own.

It is no vendor's: it exists so that every count in the books can be checked by hand. Joining the pieces
gives the text back, and cutting a text after any piece leaves a text with exactly that many tokens.
"""

from __future__ import annotations

import re

# No look-ahead and no open-ended repeats: a piece never depends on the text after it, so that
# truncation at a piece keeps all counts.
_PIECE = re.compile(
    r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"  # one token a character
    r"| ?[A-Za-z]{1,7}"
    r"|[0-9]{1,3}"
    r"| ?[^\W\d_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]{1,4}"
    r"|[ \t]{1,4}"
    r"|[\r\n]{1,2}"
    r"|[^\w\s]{1,2}"
    r"|.",
    re.DOTALL,
)

MESSAGE_OVERHEAD = 4
PROMPT_OVERHEAD = 3
IMAGE_TOKENS = 258


def pieces(text: str) -> list[str]:
    """Split ``text`` into tokens whose concatenation is ``text``."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Return the number of tokens in ``text``."""
    return sum(1 for _ in _PIECE.finditer(text))


def cut(text: str, limit: int) -> str:
    """Return the first ``limit`` tokens of ``text``."""
    if len(text) <= limit:
        return text
    end = 0
    for number, piece in enumerate(_PIECE.finditer(text)):
        if number == limit:
            return text[:end]
        end = piece.end()
    return text
