"""What may be configured: which keys exist in which table, and what type each value has, read off the models."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from shunpike.config.aliases import alias_targets, routing_rules
from shunpike.config.doubts import Doubt, no_setting, unknown
from shunpike.config.literals import holds_password
from shunpike.config.shapes import (
    budgets,
    duration,
    file_path,
    header,
    limits,
    proxy_address,
    share,
    variable_name,
    web_address,
)
from shunpike.errors import ConfigError
from shunpike.types import (
    Budget,
    FallOver,
    GatewaySettings,
    ModelAlias,
    Pace,
    ProviderSettings,
    RoutingSettings,
    Settings,
    Timeouts,
)
from shunpike.types.aliases import MAP
from shunpike.types.gateway_settings import SPANS
from shunpike.types.written import UNSAID
from shunpike.validation import complaint

Path = tuple[str, ...]

MODEL_MAP: Path = ("models", MAP)
"""The table of patterns for names of models that nobody has: no alias."""
NAMED_TABLES: tuple[Path, ...] = (("providers",), ("models",))
"""Tables of tables, each with a name that the owner chooses."""
_FREE = ("strategy_options", "headers", "options", "quality")
_SHAPES: dict[str, Callable[[Any, str, str], Any]] = {
    "targets": alias_targets,
    "rule": routing_rules,
    "budgets": budgets,
    "limits": limits,
    "interactive_share": share,
    "timeout": duration,
    **dict.fromkeys(SPANS, duration),
    "key_env": variable_name,
    "base_url": web_address,
    "proxy": proxy_address,
    "ca_file": file_path,
}
_NEXT = "correct it, then look at what is in force: shunpike config show --origin"


_TABLES: dict[Path, type[BaseModel]] = {
    (): Settings,
    ("providers", "*"): ProviderSettings,
    ("providers", "*", "timeouts"): Timeouts,
    ("providers", "*", "pace"): Pace,
    ("models", "*"): ModelAlias,
    ("routing",): RoutingSettings,
    ("fall_over",): FallOver,
    ("gateway",): GatewaySettings,
    ("pace",): Pace,
}
"""Table → the model whose fields are its keys."""


def table_of(path: Path) -> type[BaseModel] | None:
    """Return the model whose fields are the keys of the table at ``path``, None where any key is allowed."""
    return None if path == MODEL_MAP else _TABLES.get(general(path))


def is_table(path: Path) -> bool:
    """Tell whether ``path`` names a table, so that its keys are merged one by one."""
    if table_of(path) is not None or path in (*NAMED_TABLES, MODEL_MAP):
        return True
    return path == ("strategy_options",) or (len(path) == 3 and path[:1] in NAMED_TABLES and path[2] in _FREE)


def general(path: Path) -> Path:
    """Return ``path`` with ``*`` in the place of the name of a provider or of an alias."""
    is_named = len(path) > 1 and path[:1] in NAMED_TABLES and path[:2] != MODEL_MAP
    return (path[0], "*", *path[2:]) if is_named else path


def is_header(path: Path) -> bool:
    """Tell whether ``path`` is of an HTTP header, whose value is always text."""
    return len(path) == 4 and path[0] == "providers" and path[2] == "headers"


def check_key(path: Path, where: str) -> None:
    """Raise `ConfigError` when no such setting exists, with the nearest one that does."""
    model = table_of(path[:-1])
    if model is None:
        if len(path) == 2 and path[0] == "providers" and (not path[1] or "/" in path[1]):
            raise ConfigError(f"{where}: {path[1]!r} can't name a provider: it must not be empty or hold a slash")
        return
    if path[-1] not in settings_in(model):
        raise no_setting(path, where, settings_in(model))


def doubt_of(path: Path, where: str) -> Doubt | None:
    """Return the doubt about ``path`` where there is no such setting, None where there is.

    Raises `ConfigError` where it may be meant for a setting that keeps something back, and below what is no table.
    """
    for depth in range(1, len(path)):
        above = path[:depth]
        model = table_of(above[:-1])
        if model is not None and above[-1] not in settings_in(model):
            return unknown(above, where, settings_in(model))
        if model is not None and not is_table(above):
            raise ConfigError(f"{where}: {'.'.join(above)} is no table: it holds no {path[depth]!r}", hint=_NEXT)
    model = table_of(path[:-1])
    if model is None or path[-1] in settings_in(model):
        check_key(path, where)
        return None
    return unknown(path, where, settings_in(model))


def settings_in(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of the settings in a table."""
    return tuple(name for name, field in model.model_fields.items() if not field.exclude)


def field_of(path: Path) -> FieldInfo | None:
    """Return the model's field at ``path``; None inside a free table."""
    model = table_of(path[:-1])
    return None if model is None else model.model_fields[path[-1]]


@cache
def _adapter(path: Path) -> TypeAdapter[Any]:
    field = field_of(path)
    if field is None:
        return TypeAdapter(Any)
    annotation: Any = field.annotation
    for constraint in field.metadata:
        annotation = Annotated[annotation, constraint]
    return TypeAdapter(annotation)


def typed(path: Path, value: Any, where: str, *, exact: bool) -> Any:
    """Return ``value`` as the type that the setting at ``path`` has.

    ``exact`` is for files, where ``"yes"`` is not true and ``"3"`` is not 3. Raises `ConfigError` naming key, value,
    what was expected, and where it came from.
    """
    name = path[-1]
    free = field_of(path) is None
    if free and not is_header(path):
        return value
    try:
        if free:
            return header(name, value)
        if name in _SHAPES and value is not None:
            return _SHAPES[name](value, ".".join(path), where)
        adapter = _adapter(general(path))
        if exact:
            return adapter.validate_json(json.dumps(value, default=str), strict=True)
        return adapter.validate_python(value)
    except ConfigError as error:
        error.hint = error.hint or _NEXT
        raise
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise wrong(path, value, complaint(first, "should be"), where) from None
    except ValueError as error:
        raise wrong(path, value, str(error), where) from None


def wrong(path: Path, value: Any, reason: str, where: str) -> ConfigError:
    """Return the error for a value of the wrong type, without repeating what may be a secret."""
    said = "" if UNSAID.intersection(path) else f" = {_short(value)}"
    return ConfigError(
        f"{where}: {'.'.join(path)}{said}: {reason}",
        hint=_NEXT,
    )


def no_table(path: Path, value: Any, where: str) -> ConfigError:
    """Return the error for what stands where a table should be, with its keys."""
    model = table_of(path)
    keys = "" if model is None else f" of {', '.join(settings_in(model))}"
    return wrong(path, value, f"should be a table{keys}", where)


def _short(value: Any) -> str:
    try:
        text = json.dumps(value, default=lambda thing: type(thing).__name__, ensure_ascii=False)
    except ValueError:
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "…"


def without_secrets(value: Any) -> Any:
    """Return ``value`` with every secret, and a password in an address, replaced."""
    match value:
        case Mapping():
            return {key: without_secrets(item) for key, item in value.items()}
        case tuple() | list():
            return tuple(without_secrets(item) for item in value)
        case SecretStr():
            return "••••"
        case str() if "://" in value and holds_password(value):
            scheme, _, rest = value.partition("://")
            return f"{scheme}://••••@{rest.rpartition('@')[2]}"
        case _:
            return value


def shown(value: Any) -> str:
    """Return ``value`` for a person; a secret, or a password in an address, is masked."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {shown(item)}" for key, item in value.items()) or "-"
    if isinstance(value, tuple | list):
        return ", ".join(shown(item) for item in value) or "-"
    return _shown_word(without_secrets(value))


def _shown_word(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "-"
        case Budget(amount=amount, period=period, zone=zone, provider=provider):
            return f"{amount} / {period} ({zone})" + (f" at {provider}" if provider else "")
        case _:
            return str(getattr(value, "text", value))
