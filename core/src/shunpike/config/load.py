"""Loads the configuration: arguments over environment over project file over user file over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shunpike.config.environ import variables
from shunpike.config.files import read
from shunpike.config.merge import Layer, Leaf, Origin, layer, merged, origins_of, settings_of
from shunpike.config.places import CONFIG_VARIABLE, project_file, user_file
from shunpike.config.schema import typed
from shunpike.types import Settings
from shunpike.types.base import Record


class Loaded(Record):
    """The merged settings, where each came from, and the files that were read."""

    settings: Settings
    origins: tuple[Origin, ...]
    files: tuple[Path, ...] = ()


def load(
    arguments: Mapping[str, Any] | None = None, *, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Return the settings in force: arguments, ``SHUNPIKE_…`` variables, ``./shunpike.toml``, user's file, defaults.

    Tables are merged key by key, lists are replaced as a whole. ``cwd`` and ``environ`` default to the process's own.
    Raises `ConfigError` for invalid TOML, unknown settings, wrong types and literal keys in a file.
    """
    variables_of = os.environ if environ is None else environ
    layers: list[Layer] = [layer(arguments, "argument", exact=False)] if arguments else []
    from_files: list[Layer] = []
    files: list[Path] = []
    for path, required in (
        (project_file(cwd), False),
        (user_file(variables_of), bool(variables_of.get(CONFIG_VARIABLE, "").strip())),
    ):
        tree = read(path, required=required)
        if tree is not None:
            files.append(path)
            from_files.append(layer(tree, str(path), exact=True))
    sections = {path[1] for one in from_files for path in one if path[0] == "providers"}
    layers.append(_from_environ(variables_of, sections))
    leaves = merged([*layers, *from_files])
    settings = settings_of(leaves)
    return Loaded(settings=settings, origins=origins_of(leaves, settings), files=tuple(files))


def _from_environ(environ: Mapping[str, str], sections: set[str]) -> Layer:
    return {
        path: Leaf(value=typed(path, value, variable, exact=False), origin=variable)
        for path, variable, value in variables(environ, sections)
    }
