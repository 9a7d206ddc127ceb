"""``-a FILE``: images and texts that go with a question."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path

from shunpike.cli.reading import some_of_stdin
from shunpike.errors import UsageError
from shunpike.types import ImagePart, TextPart
from shunpike.types.chat import ImageUrl, Part

STDIN = "-"
LARGEST_IMAGE = 10 * 2**20
"""Bytes: more than providers take in one request."""
LARGEST_TEXT = 2 * 2**20
"""Bytes: more than the largest contexts hold."""
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_TAKEN = "an image (png, jpeg, gif, webp) or a text in UTF-8"


def attached(names: Sequence[str]) -> tuple[Part, ...]:
    """Return the parts of a message that the files of ``names`` are, ``-`` being stdin. Raises `UsageError`."""
    return tuple(attachment(name) for name in names)


def attachment(name: str, said: str = "-a") -> Part:
    """Return the part of a message that the file ``name`` is, a text under its name; ``said`` is how it was given.

    Raises `UsageError` naming the file for what is missing, too large, or neither an image nor a text.
    """
    content = _content(name, said)
    kind = _image_kind(content)
    if not content:
        raise UsageError(f"{said} {name}: it is empty", hint=f"name a file that holds {_TAKEN}")
    most = LARGEST_TEXT if kind is None else LARGEST_IMAGE
    if len(content) > most:
        raise UsageError(
            f"{said} {name}: {'a text' if kind is None else 'an image'} may have at most {most // 2**20} MB",
            hint="cut it into parts" if kind is None else "make the image smaller",
        )
    if kind is not None:
        return ImagePart(image_url=ImageUrl(url=f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"))
    return TextPart(text=_as_text(name, content, said))


def with_attachments(text: str, parts: Sequence[Part]) -> str | tuple[Part, ...]:
    """Return what a message says: the attachments, then ``text``. It is one text where there is no image."""
    if all(isinstance(part, TextPart) for part in parts):
        # Some providers take parts only for images.
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        return "\n\n".join(one for one in (*texts, text) if one.strip())
    return (*parts, TextPart(text=text)) if text.strip() else tuple(parts)


def _content(name: str, said: str) -> bytes:
    """Return the bytes, at most one more than is taken: a device never ends."""
    if name == STDIN:
        return some_of_stdin(LARGEST_IMAGE + 1, f"to do without it: leave {said} - away")
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            raise UsageError(f"{said} {name}: it is a folder", hint=f"name a file that holds {_TAKEN}")
        with path.open("rb") as file:
            return file.read(LARGEST_IMAGE + 1)
    except OSError as error:
        raise UsageError(f"{said} {name}: {error.strerror}", hint=f"name a file that holds {_TAKEN}") from None
    except ValueError:  # a name with a zero byte
        raise UsageError(f"{said} {name!r}: no file can have this name", hint=f"name {_TAKEN}") from None


def _image_kind(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _IMAGES.items() if content.startswith(magic)), None)


def _as_text(name: str, content: bytes, said: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(
            f"{said} {name}: it is neither an image (png, jpeg, gif, webp) nor a text in UTF-8",
            hint="convert it first, such as a page of a PDF to png",
        )
    shown = "stdin" if name == STDIN else os.path.basename(name)  # noqa: PTH119 - "." and ".." have no file name
    return f"--- {shown} ---\n{text.rstrip()}\n--- end of {shown} ---"
