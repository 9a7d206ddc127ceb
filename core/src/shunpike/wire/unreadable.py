"""Names what came with a good status and is no answer: a web page of a proxy, a login or a wrong address."""

from __future__ import annotations

from collections.abc import Mapping

from shunpike.errors import Overloaded

BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before an answer that is one JSON text: a byte-order mark, and blank lines that keep a line alive."""
EVENTS = "text/event-stream"
OTHER_ADDRESS = "is this the address of an API? shunpike config show --origin"
"""What to do where the address is likely to be wrong."""
_PAGES = ("text/html", "application/xhtml+xml")
_TAGS = (b"<!doctype html", b"<html")


def content_type(headers: Mapping[str, str]) -> str:
    """Return the type of a body without its parameters, empty where none is named."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_web_page(headers: Mapping[str, str], beginning: bytes) -> bool:
    """Tell whether a body that begins so is a page for a browser. Some label JSON or events as one: a tag decides."""
    start = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(_TAGS) or (content_type(headers) in _PAGES and start.startswith(b"<"))


def no_answer(provider: str, headers: Mapping[str, str], body: bytes, address: str) -> Overloaded:
    """Return the failure of an answer that can't be read: what came, and from which address."""
    kind = content_type(headers)
    named = f" ({kind})" if kind else ""
    page = is_web_page(headers, body)
    said = f"the server answered with a web page{named}" if page else f"the answer is not JSON{named}"
    return Overloaded(
        f"{provider}: {said} (asked: {address})",
        provider=provider,
        kind="malformed",
        hint=OTHER_ADDRESS if page else None,
    )


def is_json(data: bytes) -> bool:
    """Whether this is the beginning of one JSON text, as no event begins so."""
    return data.lstrip(BLANK).startswith((b"{", b"["))
