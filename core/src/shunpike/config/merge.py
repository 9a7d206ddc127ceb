"""Layers laid over each other, leaf by leaf: the highest that names a setting wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr, ValidationError

from shunpike.config.doubts import Doubt
from shunpike.config.files import File
from shunpike.config.literals import names_a_key, without_password
from shunpike.config.places import ledger_file
from shunpike.config.schema import Path, check_key, doubt_of, is_table, no_table, shown, typed, without_secrets
from shunpike.errors import ConfigError
from shunpike.types import Settings
from shunpike.types.base import Record
from shunpike.validation import complaint


class Origin(Record):
    """One setting: its dotted key, its value (secrets masked) and where it came from."""

    key: str
    value: Any
    origin: str

    @property
    def text(self) -> str:
        """The value for a person."""
        return shown(self.value)


class Leaf(Record):
    """A value that has been checked, with the file, variable or argument it came from."""

    value: Any
    origin: str


Layer = dict[Path, Leaf]


def layer(tree: Mapping[str, Any], origin: str, *, exact: bool) -> Layer:
    """Return the checked leaves of nested tables. Raises `ConfigError` for unknown keys and wrong types."""
    return {
        path: Leaf(value=typed(path, value, origin, exact=exact), origin=origin) for path, value in walk(tree, origin)
    }


def known_part(file: File) -> tuple[dict[str, Any], tuple[Doubt, ...]]:
    """Return the tables of ``file`` without the settings that do not exist, and the doubts about those.

    Raises `ConfigError` for one that may be meant to keep something back.
    """
    doubts: list[Doubt] = []
    return _known(file.tree, (), file, doubts), tuple(doubts)


def _known(tree: Mapping[str, Any], path: Path, file: File, doubts: list[Doubt]) -> dict[str, Any]:
    found = {}
    for name, value in tree.items():
        here = (*path, name)
        doubt = doubt_of(here, file.place(here))
        if doubt is not None:
            doubts.append(doubt)
        else:
            found[name] = _known(value, here, file, doubts) if is_table(here) and isinstance(value, dict) else value
    return found


def walk(tree: Mapping[str, Any], where: str, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of each leaf, not checked yet. Raises `ConfigError` for unknown keys."""
    for name, value in tree.items():
        here = (*path, str(name))
        check_key(here, where)
        if not is_table(here):
            yield here, value
        elif isinstance(value, Mapping) and not value and len(here) == 2:
            yield here, {}  # An empty section says nothing, but its name may be a slip.
        elif isinstance(value, Mapping):
            yield from walk(value, where, here)
        elif hasattr(value, "model_fields_set"):
            # A caller of Python may pass a ready record: what it sets counts, its defaults don't.
            yield from walk({key: getattr(value, key) for key in value.model_fields_set}, where, here)
        else:
            raise no_table(here, value, where)


def merged(layers: list[Layer]) -> Layer:
    """Return the layers as one; the first that holds a leaf wins."""
    found: Layer = {}
    for one in layers:
        for path, leaf in one.items():
            found.setdefault(path, leaf)
    return found


def settings_of(leaves: Layer) -> Settings:
    """Return the settings that the leaves make. Raises `ConfigError` for what no single leaf shows."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        table = tree
        for name in path[:-1]:
            table = table.setdefault(name, {})
        if leaf.value == {} and len(path) == 2:
            table.setdefault(path[-1], {})
        else:
            table[path[-1]] = leaf.value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{place}: {complaint(first, 'should be')}", hint="see: shunpike config show --origin"
        ) from None


def origin_of(path: Path, leaf: Leaf) -> Origin:
    """Return a leaf as it may be shown."""
    return Origin(key=".".join(path), value=_masked(path, leaf.value), origin=leaf.origin)


def origins_of(leaves: Layer, settings: Settings) -> tuple[Origin, ...]:
    """Return every setting with its origin, in the order of the model; those nobody set are ``default``."""
    found = [origin_of(path, leaf) for path, leaf in leaves.items()]
    for name in Settings.model_fields:
        if Settings.model_fields[name].exclude:
            continue  # It stands in another table.
        value = f"sqlite:{ledger_file()}" if name == "store" else without_secrets(getattr(settings, name))
        if isinstance(value, Record) and (name,) not in leaves:
            rest = [(f"{name}.{field}", getattr(value, field)) for field in type(value).model_fields]
            found += [_default(key, one) for key, one in rest if tuple(key.split(".")) not in leaves]
        elif not any(path[0] == name for path in leaves):
            found.append(_default(name, value))
    order = list(Settings.model_fields)
    return tuple(sorted(found, key=lambda one: (order.index(one.key.split(".")[0]), one.key)))


def _default(key: str, value: Any) -> Origin:
    return Origin(key=key, value=value, origin="default")


def _masked(path: Path, value: Any) -> Any:
    secret = path[-1] == "key" or (path[0] == "providers" and names_a_key(path[-1]))
    if path == ("store",) and isinstance(value, str):
        return without_password(value)
    return without_secrets(SecretStr("") if secret else value)
