"""Laws of the configuration: whatever the layers hold, the highest that names a setting wins, and says so."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike.config import load

from ..trusted import trusted  # noqa: TID252 - the tests are no package

WORDS = st.text("abcdefgh", min_size=1, max_size=6)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "strategy": WORDS,
    "max_attempts": st.integers(1, 99),
    "allow_paid": st.booleans(),
    "order": st.lists(WORDS, min_size=1, max_size=3),
    "providers.acme.tier": WORDS,
    "providers.acme.order": st.integers(0, 99),
    "providers.acme.timeouts.idle": st.integers(1, 99),
    "providers.other.options.flag": WORDS,
}
LAYER = st.fixed_dictionaries({}, optional=VALUES)


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *tables, name = key.split(".")
        table = tree
        for one in tables:
            table = table.setdefault(one, {})
        table[name] = value
    return tree


def toml(flat: dict[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in flat.items())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def variables(flat: dict[str, Any]) -> dict[str, str]:
    return {
        f"SHUNPIKE_{key.upper().replace('.', '__')}": ",".join(value) if isinstance(value, list) else str(value)
        for key, value in flat.items()
    }


def value_in(loaded: Any, key: str) -> Any:
    found = loaded.settings.model_dump()
    for name in key.split("."):
        found = found[name]
    return list(found) if isinstance(found, tuple) else found


@settings(max_examples=60, deadline=None)
@given(arguments=LAYER, environment=LAYER, project=LAYER, user=LAYER)
def test_arguments_beat_variables_beat_the_projects_file_beat_the_users(
    arguments: dict[str, Any], environment: dict[str, Any], project: dict[str, Any], user: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project_file, user_file = trusted(Path(folder), toml(project)), Path(folder) / "user.toml"
        user_file.write_text(toml(user))
        environ = {**variables(environment), "SHUNPIKE_CONFIG": str(user_file)}
        loaded = load(nested(arguments), cwd=Path(folder), environ=environ)
    origins = {one.key: one.origin for one in loaded.origins}
    for key in VALUES:
        layers = ((arguments, "argument"), (environment, None), (project, str(project_file)), (user, str(user_file)))
        winner = next(((flat[key], name) for flat, name in layers if key in flat), None)
        if winner is None:
            assert origins.get(key, "default") == "default"
            continue
        value, name = winner
        assert value_in(loaded, key) == value
        assert origins[key] == (name or f"SHUNPIKE_{key.upper().replace('.', '__')}")
