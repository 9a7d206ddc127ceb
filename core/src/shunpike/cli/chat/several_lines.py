r"""Messages of several lines, typed: a line that ends in ``\`` goes on, and so does what begins with ``\"\"\"``."""

from __future__ import annotations

from collections.abc import Callable

QUOTES = '"""'


def goes_on(line: str) -> bool:
    r"""Tell whether ``line`` ends in a ``\`` that is not itself behind one."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def is_open(text: str) -> bool:
    """Tell whether ``text`` begins with three quotes and does not end with three others yet."""
    bare = text.strip()
    return bare.startswith(QUOTES) and not (len(bare) >= 2 * len(QUOTES) and bare.endswith(QUOTES))


def unquoted(text: str) -> str:
    """Return what stands between three quotes and three others, or ``text`` where there are none."""
    bare = text.strip()
    if not bare.startswith(QUOTES) or is_open(text):
        return text
    return bare[len(QUOTES) : -len(QUOTES)].strip("\n")


def whole(read: Callable[[bool], str | None]) -> str | None:
    """Return a message of one or more lines that ``read`` gives, None at the end; it is told whether it is another."""
    text = read(False)
    if text is None:
        return None
    while is_open(text) or (not text.lstrip().startswith(QUOTES) and goes_on(text)):
        more = read(True)
        if more is None:
            break
        text = f"{text if is_open(text) else text[:-1]}\n{more}"
    return unquoted(text)
