"""Loads the configuration: arguments over environment over project file over user file over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from shunpike.config.doubts import Doubt
from shunpike.config.environ import strangers, variables
from shunpike.config.files import File, read
from shunpike.config.merge import Layer, Leaf, Origin, known_part, layer, merged, origins_of, settings_of
from shunpike.config.places import CONFIG_VARIABLE, project_file, user_file
from shunpike.config.schema import typed
from shunpike.types import Settings
from shunpike.types.base import Record


class Loaded(Record):
    """The merged settings, where each came from, and the files that were read."""

    settings: Settings
    origins: tuple[Origin, ...]
    files: tuple[Path, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    """What stands there and is no setting: it is ignored."""
    places: dict[str, str] = Field(default_factory=dict)
    """Where each setting and table stands: a file with its line, or a variable."""

    @classmethod
    def of(cls, settings: Settings | Loaded) -> Loaded:
        """Return ``settings`` as if loaded; where they come from is not known."""
        return settings if isinstance(settings, Loaded) else cls(settings=settings, origins=())


def load(
    arguments: Mapping[str, Any] | None = None, *, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Return the settings in force: arguments, ``SHUNPIKE_…`` variables, ``./shunpike.toml``, user's file, defaults.

    Tables are merged key by key, lists are replaced as a whole. ``cwd`` and ``environ`` default to the process's own.
    Raises `ConfigError` for invalid TOML, wrong types, literal keys in a file, and a setting that does not exist and
    may be meant as a bound; any other that does not exist is one of ``doubts``.
    """
    variables_of = os.environ if environ is None else environ
    layers: list[Layer] = [layer(arguments, "argument", exact=False)] if arguments else []
    from_files: list[Layer] = []
    files: list[File] = []
    doubts: list[Doubt] = []
    for path, required in (
        (project_file(cwd), False),
        (user_file(variables_of), bool(variables_of.get(CONFIG_VARIABLE, "").strip())),
    ):
        file = read(path, required=required)
        if file is not None:
            files.append(file)
            tree, strange = known_part(file)
            doubts += strange
            from_files.append(layer(tree, str(path), exact=True))
    sections = {path[1] for one in from_files for path in one if path[0] == "providers"}
    layers.append(_from_environ(variables_of, sections))
    doubts += strangers(variables_of)
    leaves = merged([*layers, *from_files])
    settings = settings_of(leaves)
    return Loaded(
        settings=settings,
        origins=origins_of(leaves, settings),
        files=tuple(file.path for file in files),
        doubts=tuple(doubts),
        places=_places(files, leaves),
    )


def _from_environ(environ: Mapping[str, str], sections: set[str]) -> Layer:
    return {
        path: Leaf(value=typed(path, value, variable, exact=False), origin=variable)
        for path, variable, value in variables(environ, sections)
    }


def _places(files: list[File], leaves: Layer) -> dict[str, str]:
    found = {".".join(path): file.place(path) for file in reversed(files) for path in file.lines}
    read_from = {str(file.path) for file in files}
    return found | {".".join(path): leaf.origin for path, leaf in leaves.items() if leaf.origin not in read_from}
