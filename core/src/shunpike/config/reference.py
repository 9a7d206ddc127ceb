"""The reference of all settings, read off the schema: types, defaults, units and examples of its fields, docstrings."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from itertools import pairwise
from textwrap import dedent
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from shunpike.catalog.schema import LimitTable
from shunpike.config.environ import PREFIX
from shunpike.config.harmless import in_words
from shunpike.config.schema import MODEL_MAP, NAMED_TABLES, Path, general, is_table, shown, table_of, typed
from shunpike.types import Budget, Money, RoutingRule, Scope, Settings
from shunpike.types.base import Record

NAME = "acme"
"""The provider of the examples."""
ALIAS = "fast"
"""The alias of the examples."""
UNSET = "not set"
_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", SecretStr: "text", Money: "text"}
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_REQUEST = {"unit": "request", "amount": 500, "per": "day UTC"}
_LIMITS: dict[str, tuple[str, dict[str, Any]]] = {
    "unit": ("-", {"unit": "total_token", "amount": 20000, "per": "60s"}),
    "amount": ("its unit", {"unit": "usd", "amount": "0.50", "per": "month UTC"}),
    "per": ("seconds, or a calendar's", {"unit": "request", "amount": 20, "per": "60s"}),
    "scope": ("-", {**_REQUEST, "scope": "key"}),
    "pool": ("name", {**_REQUEST, "scope": "pool", "pool": "small"}),
    "counts": ("-", {"unit": "output_token", "amount": 9000, "per": "60s", "counts": "asked"}),
    "cached": ("-", {"unit": "total_token", "amount": 9000, "per": "60s", "cached": "free"}),
    "shape": ("-", {**_REQUEST, "shape": "unknown"}),
    "overrides": ("-", {**_REQUEST, "overrides": True}),
    "confidence": ("-", {**_REQUEST, "confidence": "operator"}),
    "source": ("-", {**_REQUEST, "source": "the contract"}),
    "as_of": ("date", {**_REQUEST, "as_of": "2026-11-22"}),
}
"""Key of a limit → its unit, and an example: the grammar of limits is the catalog's, where no examples belong."""


class Setting(Record):
    """One setting, or a key of an entry of a list such as ``budgets[].amount``."""

    name: str
    text: str
    kind: str
    default: str
    unit: str
    path: Path
    """Where the example stands."""
    example: Any
    shown: str
    """What ``config show`` says of the example."""

    @property
    def untrusted(self) -> str | None:
        """When it holds in a project's file that is not trusted, None where it never does."""
        return in_words(self.path)

    @property
    def toml(self) -> str | None:
        """The example as it stands in a file, None for what may not stand there."""
        if self.path[-1] == "key":
            return None
        table = f"[{'.'.join(self.path[:-1])}]\n" if len(self.path) > 1 else ""
        return f"{table}{self.path[-1]} = {toml(self.example)}"

    @property
    def variable(self) -> str | None:
        """The example as a variable of the environment, None for what none can name."""
        path, value = self.path, self.example
        if isinstance(value, dict):
            ((name, value),) = value.items()
            if not re.fullmatch(r"[a-z0-9_]+", name):
                return None
            path = (*path, name)
        text = value if isinstance(value, str) else toml(value)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            text = ",".join(value)
        return f"{PREFIX}{'__'.join(path).upper()}={text}"


def reference() -> tuple[Setting, ...]:
    """Return every setting, those of all first, then those of a provider, of a budget and of a limit."""
    return (
        *_table(()),
        *_table(("models", ALIAS)),
        _model_map(),
        *_rule(),
        *_table(("providers", NAME)),
        *_budget(),
        *_limit(),
    )


def toml(value: Any) -> str:
    """Return ``value`` as it is written in TOML on one line."""
    match value:
        case bool():
            return str(value).lower()
        case Mapping():
            return f"{{ {', '.join(f'{_key(name)} = {toml(item)}' for name, item in value.items())} }}"
        case list() | tuple():
            return f"[{', '.join(toml(item) for item in value)}]"
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _table(path: Path) -> Iterator[Setting]:
    model = table_of(path) or Settings
    for name, field in model.model_fields.items():
        here = (*path, name)
        if field.exclude or here in NAMED_TABLES:
            continue
        if is_table(here) and table_of(here) is not None:
            yield from _table(here)
        else:
            example = field.examples[0] if field.examples else None
            said = "••••" if name == "key" else shown(_read(here, example))
            yield _setting(model, here, example, said)


def _read(path: Path, example: Any) -> Any:
    return example if is_table(path) or example is None else typed(path, example, "the reference", exact=True)


def _setting(model: type[BaseModel], path: Path, example: Any, said: str) -> Setting:
    field = model.model_fields[path[-1]]
    extra = field.json_schema_extra
    dotted = ".".join(general(path)).replace(".*", ".NAME")
    return Setting(
        name=dotted,
        text=_plain(field.description or texts(model).get(path[-1], "")),
        kind=_kind(field),
        default=_default(field),
        unit=str(extra.get("unit", "")) if isinstance(extra, dict) else "",
        path=path,
        example=example,
        shown=said,
    )


def _budget() -> Iterator[Setting]:
    for name, field in Budget.model_fields.items():
        whole = {"amount": "1.00", "period": "day", **({name: field.examples[0]} if field.examples else {})}
        yield _entry(Budget, ("budgets",), name, whole)


def _model_map() -> Setting:
    (example,) = Settings.model_fields["model_map"].examples or ({},)
    found = _setting(Settings, ("model_map",), example, shown(example))
    return found.model_copy(update={"name": ".".join(MODEL_MAP), "path": MODEL_MAP})


def _rule() -> Iterator[Setting]:
    for name, field in RoutingRule.model_fields.items():
        whole = {"use": f"{NAME}/m-large", **({name: field.examples[0]} if field.examples else {})}
        yield _entry(RoutingRule, ("routing", "rule"), name, whole)


def _limit() -> Iterator[Setting]:
    for name in LimitTable.model_fields:
        unit, example = _LIMITS.get(name, ("", {}))
        found = _entry(LimitTable, ("providers", NAME, "limits"), name, example)
        # The catalog counts for each model what the operator bounds for the account.
        default = Scope.ACCOUNT.value if name == "scope" else found.default
        yield found.model_copy(update={"unit": unit, "default": default})


def _entry(model: type[BaseModel], path: Path, name: str, whole: dict[str, Any]) -> Setting:
    said = shown(typed(path, [whole], "the reference", exact=True)) if whole else ""
    found = _setting(model, (*path, name), [whole], said)
    return found.model_copy(update={"name": f"{path[-1]}[].{name}", "path": path})


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be named"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, float):
        return f"{value:g}"
    return UNSET if value is None or value in ((), {}) else shown(value)


def _kind(field: FieldInfo) -> str:
    known = [_word(one) for one in _members(field.annotation)]
    bounds = [
        f"{word} {getattr(one, name):g}"
        for one in field.metadata
        for name, word in _BOUNDS.items()
        if hasattr(one, name)
    ]
    return ", ".join([" or ".join(dict.fromkeys(known)), *bounds])


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Literal, tuple, dict, None):
        return (annotation,)
    return tuple(one for one in get_args(annotation) if one is not NoneType)


def _word(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list of texts" if get_args(annotation)[0] is str else "list of tables"
    if get_origin(annotation) is dict:
        return "table of texts" if get_args(annotation)[1] is str else "table"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f'"{value}"' for value in annotation)
    return _WORDS.get(annotation, "date" if getattr(annotation, "__name__", "") == "date" else "text")


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("None =", f"{UNSET} =")


@cache
def texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring under each field of ``model``; nothing where its source is not at hand."""
    try:
        tree = ast.parse(dedent(inspect.getsource(model)))
    except OSError:
        return {}
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
