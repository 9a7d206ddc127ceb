"""What a value of an option may be that is ours, and no field of a provider's body."""

from __future__ import annotations

import re
from typing import Any

from shunpike.client import option_values as values
from shunpike.errors import UsageError
from shunpike.types import Money
from shunpike.validation import shown

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/@+=~-]{1,128}")
MOST_OF_A_SESSION = 256
"""Characters: ids of sessions are short, and a text is none."""
MOST_OF_A_TAG = 64
"""Characters: a tag is a word that heads a row of a table, not a text."""


def tag(name: str, value: Any) -> str:
    """Return the tag of a call. Raises `UsageError` for what would break a table."""
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a word, got {shown(value)}", hint=f'such as {name}="docs"')
    return clean(value, name, MOST_OF_A_TAG)


def clean(text: str, name: str, most: int) -> str:
    """Return ``text`` when it is one line of at most ``most`` characters. Raises `UsageError` naming it."""
    if len(text) > most:
        raise UsageError(
            f"{name} may have at most {most:,} characters, got {len(text):,}: {text[:20]!r}…", hint="shorten it"
        )
    if not text.isprintable():
        strange = next(character for character in text if not character.isprintable())
        raise UsageError(f"{name} may not hold the character {strange!r}, got {text!r}", hint="write it on one line")
    return text


def session(name: str, value: Any) -> str:
    """Return the name of a conversation. Raises `UsageError` for what can't be one."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"{name} must be a name, got {shown(value)}", hint='such as session="support-4711"')
    return clean(value, name, MOST_OF_A_SESSION)


def request_id(name: str, value: Any) -> str:
    """Return the caller's id of a request. Raises `UsageError` for what can't be one."""
    if isinstance(value, str) and _REQUEST_ID.fullmatch(value):
        return value
    raise UsageError(
        f"{name} must be 1 to 128 of the characters A-Z a-z 0-9 . _ : / @ + = ~ -, got {shown(value)}",
        hint='such as request_id="order-4711"',
    )


def priority(name: str, value: Any) -> str:
    """Return who waits for the answer. Raises `UsageError` for any other word."""
    if value in ("interactive", "batch"):
        return str(value)
    raise values.wrong(name, "interactive or batch", value, f'{name}="batch" where nobody waits for the answer')


def on_bad_answer(name: str, value: Any) -> str:
    """Return what becomes of an answer that is of no use. Raises `UsageError` for any other word."""
    if value in ("next", "return"):
        return str(value)
    raise values.wrong(name, "next or return", value, f'{name}="return" to get such an answer all the same')


def max_cost(name: str, value: Any) -> Money:
    """Return dollars as money. Raises `UsageError` for what is no exact amount."""
    wrong = values.wrong(name, "dollars as text", value, f'such as {name}="0.05": a float is not exact')
    try:
        found = value if isinstance(value, Money) else Money.usd(value)
    except UsageError:
        raise wrong from None
    if found.pico < 0:
        raise wrong
    return found
