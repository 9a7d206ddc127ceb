"""``-o NAME VALUE``: a field of the request by its name, checked before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer.core
from pydantic import ValidationError
from typing_extensions import override

from shunpike.cli.forms import did_you_mean
from shunpike.errors import UsageError
from shunpike.types import ChatRequest
from shunpike.validation import complaint

EXTRA = "extra."
"""Before the name of a field that shunpike does not know, which is passed on as it is."""
_OTHERWISE = {
    "messages": "the question itself",
    "model": "-m",
    "system": "-s",
    "providers": "-p",
    "provider": "-p",
    "strategy": "--strategy",
    "timeout": "--timeout",
    "tag": "--tag",
    "session": "--session",
    "task": "--task",
    "min_quality": "--min-quality",
    "response_format": "--json-mode or --schema",
    "stream": "--no-stream",
}
"""What has an option of its own."""
_NEVER = frozenset({"messages", "model", "response_format", "stream", "stream_options", "n", "tools", "tool_choice"})
"""Fields that a conversation can't have, or that are said in another way."""


def names() -> tuple[str, ...]:
    """Return the fields that may be named, sorted."""
    return tuple(sorted(set(ChatRequest.model_fields) - _NEVER))


class PairedOptions(typer.core.TyperCommand):
    """A command whose ``-o`` takes ``NAME VALUE`` as well as ``NAME=VALUE``."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, the pairs joined."""
        return super().parse_args(ctx, paired(args))


def paired(arguments: Sequence[str]) -> list[str]:
    """Return ``arguments`` with ``-o NAME VALUE`` as ``-o NAME=VALUE``; behind ``--`` nothing is an option."""
    joined: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*joined, word, *rest]
        joined.append(word)
        if word in ("-o", "--option") and rest:
            name = rest.pop(0)
            joined.append(f"{name}={rest.pop(0)}" if "=" not in name and rest else name)
    return joined


def fields(given: Sequence[str]) -> dict[str, Any]:
    """Return the fields of the request that ``NAME=VALUE`` texts name. Raises `UsageError` naming what is wrong."""
    found: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f'-o takes a name and a value, got only "{name}"', hint="such as -o temperature 0.5")
        if name.startswith(EXTRA) and name != EXTRA:
            extra[name.removeprefix(EXTRA)] = _json_or_text(value)
        else:
            found[name] = _checked(name, value)
    return {**found, "extra": extra} if extra else found


def _checked(name: str, value: str) -> Any:
    if name in _OTHERWISE:
        raise UsageError(f'-o does not take "{name}", which has an option of its own', hint=f"use {_OTHERWISE[name]}")
    if name not in names():
        raise UsageError(
            f'-o does not know "{name}"{did_you_mean(name, names())}',
            hint=f"it takes {', '.join(names())}   ·   or pass on what only a provider knows: -o {EXTRA}{name} …",
        )
    # A list or an object is written as JSON; anything else is the text that its field takes.
    given = _json_or_text(value) if value[:1] in ("[", "{") else value
    try:
        request = ChatRequest.model_validate({"messages": "-", name: given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f'-o {name} {complaint(first)}, got "{value}"', hint=f"such as -o {name}=…") from None
    return getattr(request, name)


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
