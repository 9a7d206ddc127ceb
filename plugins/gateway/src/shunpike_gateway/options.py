"""What a client asks for beside its prompt: in ``x-shunpike-*`` headers, or in the ``metadata`` of its body."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from shunpike.client import option_values as values
from shunpike.client import own_values
from shunpike.errors import UsageError
from shunpike_gateway.exchange import ApiRequest, Head, RejectedBody

PREFIX = "x-shunpike-"
SESSION_HEADERS = (
    "x-session-id",
    "session_id",
    "session-id",
    "x-claude-code-session-id",
    "conversation_id",
    "x-session-affinity",
    "x-opencode-session",
    "x-thread-id",
    "thread-id",
)
"""Headers in which clients name their conversation, the first that is there; Codex, Claude Code and others."""
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower()
    if said in _YES or said in _NO:
        return said in _YES
    raise values.wrong(name, "true or false", value, f"{name}: true")


def _names(name: str, value: Any) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if isinstance(listed, list):
        listed = [one.strip() if isinstance(one, str) else one for one in listed]
    return values.names(name, listed)


def _share(name: str, value: Any) -> float:
    try:
        return values.share(name, float(value) if isinstance(value, str) else value)
    except ValueError:
        raise values.wrong(name, "a number from 0 to 1", value, f"such as {name}: 0.7") from None


_OPTIONS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "strategy": ("strategy", values.word),
    "deadline": ("timeout", values.seconds),
    "timeout": ("timeout", values.seconds),
    "providers": ("providers", _names),
    "tag": ("tag", own_values.tag),
    "task": ("task", own_values.tag),
    "no-paid": ("no_paid", _flag),
    "no-training": ("no_training", _flag),
    "session": ("session", own_values.session),
    "strict": ("strict", _flag),
    "max-cost": ("max_cost", own_values.max_cost),
    "min-quality": ("min_quality", _share),
    "priority": ("priority", own_values.priority),
    "provenance": ("provenance", _flag),
}
"""Name → the field of `Wishes` and what reads its value; ``provenance`` is about the answer alone."""
_PROTECTING = frozenset({"no_paid", "no_training", "max_cost", "timeout", "providers"})
"""Fields that guard money, time, or who sees the prompt: without one that was meant the request is another one."""
_TELLING = frozenset({"provider", "model", "request-id", "attempts", "cost", "warning"})
"""What answers tell under the same prefix: proxies and tests send it back."""
NAMES = tuple(_OPTIONS)


def with_options(asked: ApiRequest, body: Mapping[str, Any], head: Head) -> ApiRequest:
    """Return ``asked`` with what its client wishes beside the prompt.

    Raises `RejectedBody` naming the option whose value can't be, and under ``strict`` for what would be dropped.
    """
    found, left_out = read_options(body.get("metadata"), head.headers)
    shows = bool(found.pop("provenance", False))
    if "session" not in found and (named := session_of(body, head.headers)) is not None:
        found["session"] = named
    wishes = replace(asked.wishes, **found)
    dropped = (*asked.dropped, *left_out)
    if wishes.strict and dropped:
        raise RejectedBody(f"{dropped[0]}, and strict lets nothing be left out", code="unsupported_parameter")
    return replace(asked, wishes=wishes, dropped=dropped, provenance=shows)


def read_options(metadata: Any, headers: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return field → value of what is wished for, and a sentence for each thing that was left out.

    What a header says holds before what the metadata say, whose names may also be the client's own: one of them that
    can't be read is left out, unless it would protect something. Raises `RejectedBody`.
    """
    found: dict[str, Any] = {}
    left_out = []
    if isinstance(metadata, Mapping):
        for key, value in metadata.items():
            name = key.lower().replace("_", "-")
            if name in _OPTIONS and value is not None:
                field, read = _OPTIONS[name]
                try:
                    found[field] = _checked(f"metadata.{key}", read, value)
                except RejectedBody as error:
                    if field in _PROTECTING:
                        raise
                    left_out.append(f"{error.message}, and was left out")
    for header, text in headers.items():
        if not header.startswith(PREFIX):
            continue
        name = header[len(PREFIX) :]
        if name in _OPTIONS:
            field, read = _OPTIONS[name]
            found[field] = _checked(header, read, text.strip())
        elif name not in _TELLING:
            left_out.append(f"{header[:80]} is no option here, and was left out")
    return found, tuple(left_out)


def session_of(body: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    """Return the name of the conversation where a client gives one, in its own way; it is of this gateway alone."""
    for told in _sessions(body, headers):
        text = told.strip()
        if text:
            fits = len(text) <= own_values.MOST_OF_A_SESSION and text.isprintable()
            return text if fits else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return None


def _sessions(body: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
    first, *others = SESSION_HEADERS
    for told in (headers.get(first), headers.get("session_id"), body.get("session_id"), body.get("prompt_cache_key")):
        if isinstance(told, str):
            yield told
    yield from (headers[name] for name in others if name in headers)


def _checked(name: str, read: Callable[[str, Any], Any], value: Any) -> Any:
    try:
        return read(name, value)
    except UsageError as error:
        raise RejectedBody(error.message, param=name) from None
