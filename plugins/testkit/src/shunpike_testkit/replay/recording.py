"""One recorded exchange, as a file holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shunpike.errors import UsageError

MAX_FILE = 64 * 1024 * 1024
"""Bytes of a recording."""
ODD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a file of an unexpected shape raises."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A request, as far as it was recorded, with its answer. ``file`` is relative to the folder that was read."""

    file: str
    provider: str
    endpoint: str
    model: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    streamed: bool
    url: str = ""
    request: Mapping[str, Any] | None = None
    """The JSON that was sent; None where it was not recorded."""
    features: tuple[str, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)


def read_recording(path: Path, root: Path) -> Recording:
    """Return the exchange in the file ``path``. Raises `UsageError` for what is not in the format, naming the file."""
    try:
        return _recording(json.loads(_content(path)), name_of(path, root))
    except (*ODD, OSError) as error:
        raise UsageError(f"{path} is no recording: {type(error).__name__} {error}") from error


def name_of(path: Path, root: Path) -> str:
    """Return the name under which a file is reported."""
    return str(path.relative_to(root)) if path != root else path.name


def find_files(root: Path) -> Iterator[Path]:
    """Yield the files below ``root`` in the order of their names. Raises `UsageError` when there are none."""
    found = sorted(path for path in root.rglob("*.json") if not path.is_dir()) if root.is_dir() else [root]
    if not found:
        raise UsageError(f"{root} holds no recordings; expected a folder of .json files")
    yield from found


def _content(path: Path) -> str:
    if not path.is_file():
        raise ValueError("it is no ordinary file")
    size = path.stat().st_size
    if size > MAX_FILE:
        raise ValueError(f"it has {size} bytes; at most {MAX_FILE} are read")
    return path.read_text(encoding="utf-8")


def _recording(data: Any, file: str) -> Recording:
    response, request = data["response"], data.get("request") or {}
    status, body, sent = int(response["status"]), response.get("body") or "", request.get("json")
    if not 200 <= status <= 999:
        raise ValueError(f"{status} is not the status of an answer; expected one of 200 to 999")
    if not isinstance(data["provider"], str) or not isinstance(data["endpoint"], str):
        raise TypeError("provider and endpoint must be text")
    return Recording(
        file=file,
        provider=data["provider"],
        endpoint=data["endpoint"],
        model=str(data.get("model") or ""),
        status=status,
        headers={name.lower(): str(value) for name, value in (response.get("headers") or {}).items()},
        # Half a surrogate pair can stand in a JSON file, but not on a wire.
        body=(body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "replace"),
        streamed=data.get("stream") is True,
        url=str(request.get("url") or ""),
        request=sent if isinstance(sent, dict) and request.get("recorded", True) else None,
        features=tuple(data.get("features") or ()),
        summary=data.get("summary") or {},
    )
