"""Pictures and documents of a Messages body, as parts of a chat message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.messages.checks import Json, blocks, table, text

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_IMAGE = ("base64", "url")
_DOCUMENT = ("base64", "content", "text", "url")


def picture(block: Mapping[str, Any], place: str) -> Json:
    """Return an image block as a part. Raises `RejectedBody`, also for a file: it is in somebody else's store."""
    source, where = _source(block, place, "image", _IMAGE)
    url = _web_address(source, where) if source["type"] == "url" else _data_url(source, where)
    return {"type": "image_url", "image_url": {"url": url}}


def document(block: Mapping[str, Any], place: str) -> list[Json]:
    """Return a document block as parts: what is text as text, anything else as a file. Raises `RejectedBody`."""
    source, where = _source(block, place, "document", _DOCUMENT)
    title = block.get("title")
    head = [{"type": "text", "text": title}] if isinstance(title, str) and title else []
    match source["type"]:
        case "text":
            return [*head, {"type": "text", "text": text(source, "data", where)}]
        case "content":
            return [*head, *_written(source, where)]
        case "url":
            data = _web_address(source, where)
        case _:
            data = _data_url(source, where)
    name = title if head else "document.pdf"
    return [{"type": "file", "file": {"filename": name, "file_data": data}}]


def search_result(block: Mapping[str, Any], place: str) -> Json:
    """Return a search result as the text that it is."""
    told = [block.get("title"), block.get("source")]
    told += [one.get("text") for _, one in blocks(block.get("content") or [], f"{place}.content")]
    return {"type": "text", "text": "\n".join(one for one in told if isinstance(one, str) and one)}


def _written(source: Mapping[str, Any], place: str) -> list[Json]:
    found = []
    for where, block in blocks(source.get("content"), f"{place}.content"):
        if block.get("type") == "image":
            found.append(picture(block, where))
        else:
            found.append({"type": "text", "text": text(block, "text", where)})
    return found


def _source(block: Mapping[str, Any], place: str, kind: str, known: tuple[str, ...]) -> tuple[Mapping[str, Any], str]:
    where = f"{place}.{kind}.source"
    source = table(block.get("source"), where)
    if source.get("type") not in known:
        told = ", ".join(repr(one) for one in known)
        raise RejectedBody(
            f"{where}: Input tag {source.get('type')!r} found using 'type' does not match any of the expected tags: "
            f"{told}",
            param=where,
        )
    return source, where


def _data_url(source: Mapping[str, Any], place: str) -> str:
    kind, data = text(source, "media_type", place), text(source, "data", place)
    if not _MEDIA_TYPE.fullmatch(kind):
        raise RejectedBody(f"{place}.media_type: expected such as image/png, got {kind[:40]!r}", param=place)
    return f"data:{kind};base64,{data}"


def _web_address(source: Mapping[str, Any], place: str) -> str:
    url = text(source, "url", place)
    if not url.startswith(("https://", "http://")):
        raise RejectedBody(f"{place}.url: expected an address that begins with https://", param=f"{place}.url")
    return url
