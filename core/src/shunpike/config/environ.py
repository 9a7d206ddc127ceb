"""Settings from variables: ``SHUNPIKE_ORDER=a,b``, ``SHUNPIKE_PROVIDERS__NAME__BASE_URL=…``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from shunpike.config.dotenv import bare
from shunpike.config.doubts import Doubt
from shunpike.config.places import ADMIN_VARIABLE, CONFIG_VARIABLE
from shunpike.config.schema import NAMED_TABLES, Path, doubt_of, field_of, is_header, is_table, wrong

PREFIX = "SHUNPIKE_"
_OTHERS = frozenset(
    {
        CONFIG_VARIABLE,
        ADMIN_VARIABLE,
        # Those that the tests of this repository read.
        *(
            "SHUNPIKE_BODIES",
            "SHUNPIKE_CHAOS",
            "SHUNPIKE_CLIENTS",
            "SHUNPIKE_FUZZ_COUNT",
            "SHUNPIKE_LAWS_RUNS",
            "SHUNPIKE_RECORDINGS",
            "SHUNPIKE_REQUESTS",
            "SHUNPIKE_SIMULATED_DAYS",
            "SHUNPIKE_SPECS",
            "SHUNPIKE_STREAMS",
        ),
    }
)
_SERVICE = re.compile(
    r"SHUNPIKE_(?:\w*[A-Z0-9]_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)"
)
"""What Kubernetes sets in every container beside a service that is called shunpike or shunpike-something.

No name of a service ends in a dash: ``SHUNPIKE_GATEWAY__PORT`` is the setting.
"""
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def variables(environ: Mapping[str, str], sections: set[str]) -> Iterator[tuple[Path, str, Any]]:
    """Yield path, variable and value of each setting in ``environ``; an empty variable counts as not set.

    ``sections`` are the providers and aliases that files name: ``MY_LLM`` means ``my-llm`` where that one exists.
    """
    for variable in _ours(environ):
        text = bare(environ[variable])
        path = _path(variable, sections)
        if not text or doubt_of(path, variable) is not None:
            continue
        if is_table(path):
            raise wrong(path, text, f"is a table: name a setting inside it, as in {variable}__…", variable)
        yield path, variable, _value(path, text, variable)


def strangers(environ: Mapping[str, str]) -> Iterator[Doubt]:
    """Yield the doubts about variables of our prefix that are no setting.

    Raises `ConfigError` for one that may be meant to keep something back.
    """
    for variable in _ours(environ):
        doubt = doubt_of(_path(variable, set()), variable)
        if doubt is not None:
            yield doubt


def _ours(environ: Mapping[str, str]) -> list[str]:
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIX)
        and not (name in _OTHERS or name.startswith("SHUNPIKE_TEST") or _SERVICE.fullmatch(name))
    )


def _path(variable: str, sections: set[str]) -> Path:
    parts = variable.removeprefix(PREFIX).lower().split("__")
    if (parts[0],) in NAMED_TABLES and len(parts) > 1:
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
    if annotation is not None and _names_things(annotation) and not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    if annotation is None or "Budget" in annotation or "Limit" in annotation or text.startswith("["):
        return _toml_value(text)
    return text


def _names_things(annotation: str) -> bool:
    """Whether a list may be written as names with commas between them."""
    return annotation == "tuple[str, ...]" or "AliasTarget" in annotation


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
