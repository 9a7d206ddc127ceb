"""Settings from variables: ``SHUNPIKE_ORDER=a,b``, ``SHUNPIKE_PROVIDERS__NAME__BASE_URL=…``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from shunpike.config.dotenv import bare
from shunpike.config.schema import Path, check_key, field_of, is_header, is_table, wrong
from shunpike.types import Settings

PREFIX = "SHUNPIKE_"
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def variables(environ: Mapping[str, str], sections: set[str]) -> Iterator[tuple[Path, str, Any]]:
    """Yield path, variable and value of each setting in ``environ``; an empty variable counts as not set.

    ``sections`` are the providers that files name: ``MY_LLM`` means ``my-llm`` where that one exists. A variable that
    is nearly the name of a setting raises `ConfigError`; others belong to somebody else.
    """
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        text = bare(environ[variable])
        path = _path(variable, sections)
        if path is None or not text:
            continue
        check_key(path, variable)
        if is_table(path):
            raise wrong(path, text, f"is a table: name a setting inside it, as in {variable}__…", variable)
        yield path, variable, _value(path, text, variable)


def _path(variable: str, sections: set[str]) -> Path | None:
    parts = variable.removeprefix(PREFIX).lower().split("__")
    names = tuple(Settings.model_fields)
    if parts[0] not in names:
        # Not ours, unless it looks like a slip of the pen.
        return tuple(parts) if get_close_matches(parts[0], names, n=1, cutoff=0.85) else None
    if parts[0] == "providers" and len(parts) > 1:
        known = {name.lower().replace("-", "_").replace(".", "_"): name for name in sections}
        parts[1] = known.get(parts[1], parts[1])
    depth = 1
    while depth < len(parts) and (depth < 2 or is_table(tuple(parts[:depth]))):
        depth += 1
    return (*parts[:depth], *parts[depth:])


def _value(path: Path, text: str, variable: str) -> Any:
    if is_header(path):
        return text
    field = field_of(path)
    annotation = None if field is None else str(field.annotation)
    if annotation == "<class 'bool'>":
        if text.lower() not in _WORDS:
            raise wrong(path, text, "should be true or false", variable)
        return _WORDS[text.lower()]
    if annotation == "tuple[str, ...]" and not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    if annotation is None or "Budget" in annotation or "Limit" in annotation or text.startswith("["):
        return _toml_value(text)
    return text


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
