"""One recorded exchange, as a file holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shunpike.errors import UsageError


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
        data = json.loads(path.read_text(encoding="utf-8"))
        response, request = data["response"], data.get("request") or {}
        body = response.get("body") or ""
        sent = request.get("json")
        return Recording(
            file=str(path.relative_to(root)) if path != root else path.name,
            provider=str(data["provider"]),
            endpoint=str(data["endpoint"]),
            model=str(data.get("model") or ""),
            status=int(response["status"]),
            headers={name.lower(): str(value) for name, value in (response.get("headers") or {}).items()},
            # Half a surrogate pair can stand in a JSON file, but not on a wire.
            body=(body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "replace"),
            streamed=data.get("stream") is True,
            url=str(request.get("url") or ""),
            request=sent if isinstance(sent, dict) and request.get("recorded", True) else None,
            features=tuple(data.get("features") or ()),
            summary=data.get("summary") or {},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UsageError(f"{path} is no recording: {type(error).__name__} {error}") from error


def find_files(root: Path) -> Iterator[Path]:
    """Yield the files below ``root`` in the order of their names. Raises `UsageError` when there are none."""
    found = [root] if root.is_file() else sorted(root.rglob("*.json"))
    if not found:
        raise UsageError(f"{root} holds no recordings; expected a folder of .json files")
    yield from found
