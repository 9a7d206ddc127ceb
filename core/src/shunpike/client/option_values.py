"""What a value of an option may be. What can't be is rejected by name, before anything is planned or sent."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, TypeVar

from shunpike.durations import EXPECTED, span
from shunpike.errors import UsageError
from shunpike.validation import shown

T = TypeVar("T")
MOST_WHOLE = 2**63 - 1
"""The largest whole number: no store, and no server, takes a larger one."""
Check = Callable[[str, Any], Any]
"""(name, value) → the value as it is used. Raises `UsageError`."""


def wrong(name: str, expected: str, value: object, hint: str) -> UsageError:
    """Return the error for a value that is not what was ``expected``."""
    return UsageError(f"{name} must be {expected}, got {shown(value)}", hint=hint)


def flag(name: str, value: Any) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise wrong(name, "true or false", value, f"{name}=True, or {name}=False")


def word(name: str, value: Any) -> str:
    """Return a text that is not empty."""
    if isinstance(value, str) and value.strip():
        check_text(name, value)
        return value
    raise wrong(name, "a word", value, f'such as {name}="{_EXAMPLES.get(name, "NAME")}", or leave it out')


def text(name: str, value: Any) -> str:
    """Return a text."""
    if isinstance(value, str):
        check_text(name, value)
        return value
    raise wrong(name, "text", value, f'such as {name}="{_EXAMPLES.get(name, "…")}"; bytes are decoded first')


def check_text(name: str, value: str) -> None:
    """Raise `UsageError` for half a character, which UTF-8 does not have: no provider could be sent it."""
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(
            f"{name} holds half a character (a lone surrogate), which is no text",
            hint='read it with the right encoding, or: text.encode("utf-8", "replace").decode()',
        )


def whole(name: str, value: Any) -> int:
    """Return a whole number; true is none."""
    found = _real(value)
    if found is not None and found == int(found) and abs(found) <= MOST_WHOLE:
        return int(found)
    expected = "a whole number" if found is None or found != int(found) else "a whole number of at most 63 bits"
    raise wrong(name, expected, value, f"such as {name}={_EXAMPLES.get(name, '1')}, or leave it out")


def number(name: str, value: Any) -> float:
    """Return a finite number; true is none."""
    found = _real(value)
    if found is not None:
        return found
    raise wrong(name, "a number", value, f"such as {name}={_EXAMPLES.get(name, '0.5')}, or leave it out")


def share(name: str, value: Any) -> float:
    """Return a number from 0 to 1; true is none."""
    found = _real(value)
    if found is not None and 0 <= found <= 1:
        return found
    raise wrong(name, "a number from 0 to 1", value, f"such as {name}=0.7, or leave it out")


def seconds(name: str, value: Any) -> float:
    """Return a span of time in seconds."""
    try:
        return span(value)
    except ValueError:
        raise wrong(name, EXPECTED, value, f'such as {name}=30, {name}="90s" or {name}="5m"') from None


def moment(name: str, value: Any) -> float:
    """Return a point in time."""
    found = _real(value)
    if found is None:
        hint = "seconds since the epoch, such as time.time() - 86400; of a datetime: its timestamp()"
        raise wrong(name, "a point in time", value, hint)
    return float(found)


def maybe(name: str, check: Callable[[str, Any], T], value: Any) -> T | None:
    """Return what may be left out."""
    return None if value is None else check(name, value)


def moments(since: Any, until: Any) -> tuple[float, float]:
    """Return a span between two points in time."""
    first, last = moment("since", since), moment("until", until)
    if first > last:
        raise wrong("until", f"at or after since ({since})", until, "the earlier of the two comes first")
    return first, last


def some_names(name: str, value: Any) -> tuple[str, ...]:
    """Return names, of which there may be none: then all are meant."""
    return names(name, value) if isinstance(value, str) or value else ()


def names(name: str, value: Any) -> tuple[str, ...]:
    """Return names: one may stand alone."""
    each = (value,) if isinstance(value, str) else _listed(value)
    hint = f'such as {name}="NAME", or {name}=["NAME", "OTHER"]' if name == "providers" else f'such as {name}=["NAME"]'
    if each is None or not all(isinstance(one, str) and one.strip() for one in each):
        raise wrong(name, "a name or a list of names", value, hint)
    if not each:
        raise UsageError(f"{name} is empty, which leaves nobody to ask", hint=f"{hint}; leave it out to ask all")
    return each


def words(name: str, value: Any) -> str | tuple[str, ...]:
    """Return a text, or texts."""
    each = (value,) if isinstance(value, str) else _listed(value)
    if each is None or not all(isinstance(one, str) for one in each):
        raise wrong(name, "text or a list of texts", value, f'such as {name}="END", or {name}=["END", "###"]')
    for one in each:
        check_text(name, one)
    return value if isinstance(value, str) else each


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Return texts: one may stand alone."""
    hint = 'such as "a side road", or ["a side road", "a toll gate"]; bytes are decoded first'
    each = (value,) if isinstance(value, str) else _listed(value)
    if each is None:
        raise wrong(name, "text or a list of texts", value, hint)
    for place, one in enumerate(each):
        if not isinstance(one, str):
            raise wrong(f"text {place}", "text", one, hint)
        check_text(f"text {place}", one)
    return each


def tools(name: str, value: Any) -> tuple[dict[str, Any], ...]:
    """Return tools in the form of chat completions."""
    example = '{"type": "function", "function": {"name": "weather", "parameters": {…}}}'
    each = None if isinstance(value, Mapping | str) else _listed(value)
    if each is None:
        raise wrong(name, "a list", value, f"such as {name}=[{example}]")
    for place, tool in enumerate(each):
        where = f"{name}[{place}]"
        if not isinstance(tool, Mapping):
            raise wrong(where, "an object of names and values", tool, f"describe it: {example}")
        function = tool.get("function")
        if tool.get("type", "function") == "function" and not (
            isinstance(function, Mapping) and isinstance(function.get("name"), str) and function["name"]
        ):
            raise wrong(where, "a function with a name", dict(tool), f"such as {example}")
    return tuple(plain(f"{name}[{place}]", dict(tool)) for place, tool in enumerate(each))


def word_or_table(name: str, value: Any) -> str | dict[str, Any]:
    """Return a word, or an object of names and values."""
    if isinstance(value, str) and value:
        return word(name, value)
    if isinstance(value, Mapping):
        return plain(name, dict(value))
    raise wrong(name, "a word or an object of names and values", value, f'such as {name}="auto"')


def table(name: str, value: Any) -> dict[str, Any]:
    """Return an object of names and values."""
    if isinstance(value, Mapping):
        return plain(name, dict(value))
    raise wrong(name, "an object of names and values", value, f'such as {name}={{"NAME": …}}')


def plain(name: str, value: T) -> T:
    """Return ``value``, which JSON can hold. Raises `UsageError` for what it can't, such as NaN or a function."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} can't be written as JSON: {error}", hint="give text, finite numbers, lists and dicts"
        ) from None
    return value


PARAMETERS: Mapping[str, Check] = {
    "model": word,
    "temperature": number,
    "top_p": number,
    "frequency_penalty": number,
    "presence_penalty": number,
    "max_tokens": whole,
    "max_completion_tokens": whole,
    "n": whole,
    "stop": words,
    "seed": whole,
    "logprobs": flag,
    "top_logprobs": whole,
    "logit_bias": table,
    "tools": tools,
    "tool_choice": word_or_table,
    "parallel_tool_calls": flag,
    "response_format": table,
    "reasoning_effort": word,
    "verbosity": word,
    "service_tier": word,
    "user": word,
}
"""Parameter of a chat completion → what its value must be."""


def _real(value: Any) -> int | float | None:
    """Return a finite number as one of Python's own, whoever's number it is; None for what is none. True is none."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return None
    if isinstance(value, Integral):
        return int(value)
    found = float(value)
    return found if math.isfinite(found) else None


def _listed(value: Any) -> tuple[Any, ...] | None:
    """Return what stands in a list, a tuple or any other series of values, None for what is none."""
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        return None
    return tuple(value)


_EXAMPLES = {
    "model": "auto",
    "strategy": "priority",
    "system": "Be brief.",
    "tag": "docs",
    "reasoning_effort": "low",
    "service_tier": "auto",
    "verbosity": "low",
    "max_tokens": "500",
    "max_completion_tokens": "500",
    "seed": "7",
}
