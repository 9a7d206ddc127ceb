"""The channels of gpt-oss ("harmony"), where a server passes on what leads them: thinking, then the answer."""

from __future__ import annotations

from itertools import product

END = "<|end|>"
"""What closes a channel of thinking."""
_STARTS = ("<|start|>assistant", "")
_FORMS = ("", "<|constrain|>json", " <|constrain|>json", " json")
THINKING = tuple(f"{start}<|channel|>{name}<|message|>" for start, name in product(_STARTS, ("analysis", "commentary")))
FINAL = tuple(f"{start}<|channel|>final{form}<|message|>" for start, form in product(_STARTS, _FORMS))
CLOSINGS = ("<|return|>", END)
"""What may close the answer."""


def thinking_of(text: str) -> str:
    """Return the opening of a channel of thinking that ``text`` begins with, empty where it begins otherwise."""
    return _first(text, THINKING)


def final_of(text: str) -> str:
    """Return the opening of the answer that ``text`` begins with, empty where it begins otherwise."""
    return _first(text, FINAL)


def may_open(text: str) -> bool:
    """Whether ``text`` could be the beginning of such an opening."""
    return any(opening.startswith(text) for opening in (*THINKING, *FINAL))


def without_closing(text: str) -> str:
    """Return an answer without what closes it."""
    bare = text.rstrip()
    closing = next((one for one in CLOSINGS if bare.endswith(one)), "")
    return bare[: len(bare) - len(closing)] if closing else text


def _first(text: str, openings: tuple[str, ...]) -> str:
    return next((one for one in openings if text.startswith(one)), "")
