"""Loads the configuration: arguments over environment over project file over user file over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from shunpike.config.doubts import Doubt
from shunpike.config.environ import strangers, variables
from shunpike.config.files import File, read
from shunpike.config.merge import Layer, Leaf, Origin, known_part, layer, merged, origins_of, settings_of
from shunpike.config.places import CONFIG_VARIABLE, project_file, user_file
from shunpike.config.project import Ignored, sift
from shunpike.config.schema import NAMED_TABLES, typed
from shunpike.config.trust import TrustStore, place_of
from shunpike.config.warned import warn_once
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
    ignored: Ignored | None = None
    """What a project's file says that needs trust, where it has none."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of it does not hold, a sentence each."""
        strange = tuple(one.text for one in self.doubts if one.loud)
        return strange if self.ignored is None else (self.ignored.text, *strange)

    @classmethod
    def of(cls, settings: Settings | Loaded) -> Loaded:
        """Return ``settings`` as if loaded; where they come from is not known."""
        return settings if isinstance(settings, Loaded) else cls(settings=settings, origins=())


def load(
    arguments: Mapping[str, Any] | None = None, *, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Return the settings in force: arguments, ``SHUNPIKE_…`` variables, ``./shunpike.toml``, user's file, defaults.

    Tables are merged key by key, lists are replaced as a whole. ``cwd`` and ``environ`` default to the process's own.
    Of a ``./shunpike.toml`` that the user has not trusted only what does no harm holds; the rest is ignored, which a
    `ConfigWarning` says once. Raises `ConfigError` for invalid TOML, wrong types, literal keys in a file, and a setting
    that does not exist and may be meant as a bound; any other that does not exist is one of ``doubts``.
    """
    variables_of = os.environ if environ is None else environ
    sources = _sources(variables_of, project_file(cwd))
    above, below = _owners(arguments, variables_of, sources)
    kept: Layer = {}
    ignored: Ignored | None = None
    for one in sources:
        if not one.trusted:
            kept, ignored = sift(one.file, merged([*above, *below]))
    if ignored is not None:
        warn_once(ignored.text, ignored.hint)
    leaves = merged([*above, kept, *below])
    settings = settings_of(leaves)
    return Loaded(
        settings=settings,
        origins=origins_of(leaves, settings),
        files=tuple(one.file.path for one in sources),
        doubts=(*(doubt for one in sources for doubt in one.doubts), *strangers(variables_of)),
        places=_places(sources, leaves),
        ignored=ignored,
    )


def needing_trust(project: File, environ: Mapping[str, str] | None = None) -> tuple[Origin, ...]:
    """Return what the file ``project`` sets that needs trust. Raises `ConfigError` for whatever is wrong in it."""
    variables_of = os.environ if environ is None else environ
    tree, _ = known_part(project)
    layer(tree, str(project.path), exact=True)
    users = [one for one in _sources(variables_of, project.path) if one.file.path != project.path]
    above, below = _owners(None, variables_of, users)
    _, ignored = sift(project.model_copy(update={"tree": tree}), merged([*above, *below]))
    return () if ignored is None else ignored.settings


class _Source(NamedTuple):
    """A file with the settings in it that exist, the doubts about the others, and whether it is the user's own."""

    file: File
    doubts: tuple[Doubt, ...]
    trusted: bool


def _sources(environ: Mapping[str, str], theirs: Path) -> list[_Source]:
    """Return the project's file and the user's; one that a variable of the user's names is the user's, wherever."""
    mine = user_file(environ)
    user = read(mine, required=bool(environ.get(CONFIG_VARIABLE, "").strip()))
    project = None if place_of(theirs) == place_of(mine) else read(theirs, plain=True)
    found = []
    for file in (project, user):
        if file is not None:
            tree, doubts = known_part(file)
            trusted = file is user or TrustStore().holds(file.path, file.digest)
            found.append(_Source(file.model_copy(update={"tree": tree}), doubts, trusted))
    return found


def _owners(
    arguments: Mapping[str, Any] | None, environ: Mapping[str, str], sources: list[_Source]
) -> tuple[list[Layer], list[Layer]]:
    """Return the layers that are the user's own or trusted: those above a project's file, and those of files."""
    below = [layer(one.file.tree, str(one.file.path), exact=True) for one in sources if one.trusted]
    above = [layer(arguments, "argument", exact=False)] if arguments else []
    # What a stranger calls a section does not change what the user's variables mean.
    above.append(
        _from_environ(environ, {path[1] for one in below for path in one if path[:1] in NAMED_TABLES and path[1:]})
    )
    return above, below


def _from_environ(environ: Mapping[str, str], sections: set[str]) -> Layer:
    return {
        path: Leaf(value=typed(path, value, variable, exact=False), origin=variable)
        for path, variable, value in variables(environ, sections)
    }


def _places(sources: list[_Source], leaves: Layer) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in (one.file for one in reversed(sources)):
        here = {path for path, leaf in leaves.items() if leaf.origin == str(file.path)}
        tables = {path[:depth] for path in here for depth in range(1, len(path) + 1)}
        found |= {".".join(path): file.place(path) for path in file.lines if path in tables}
    read_from = {str(one.file.path) for one in sources}
    return found | {".".join(path): leaf.origin for path, leaf in leaves.items() if leaf.origin not in read_from}
