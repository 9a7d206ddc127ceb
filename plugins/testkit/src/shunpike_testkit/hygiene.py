"""What a plugin may do when it is imported: nothing but define things, and that with little."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.resources import files
from types import ModuleType
from typing import Any, ClassVar

import pytest

from shunpike.hookspecs import ENTRY_POINT_GROUP
from shunpike_testkit.contract import Contract
from shunpike_testkit.hygiene_probe import FLOORS


class PluginHygiene(Contract):
    """Set ``plugin`` to the object that the entry point names."""

    knobs: ClassVar[tuple[str, ...]] = ("is_installed", "may_import", "plugin")

    plugin: Any = None
    """The plugin, as its entry point names it."""
    is_installed: bool = True
    """False for a plugin that is no package of its own (yet)."""
    may_import: frozenset[str] = frozenset()
    """Top-level names beside the standard library and the core's lower floors that the import may load."""

    @cached_property
    def entry_point(self) -> EntryPoint:
        """The entry point that names the plugin."""
        if not self.is_installed:
            pytest.skip("is_installed is False")
        point = entry_point_of(self.plugin)
        assert point is not None, (
            f'no entry point of the group "{ENTRY_POINT_GROUP}" names this plugin: add to pyproject.toml '
            f"[project.entry-points.{ENTRY_POINT_GROUP}], install the package again, or set is_installed = False"
        )
        return point

    @property
    def package(self) -> str:
        """The importable name of the plugin's package."""
        return self.entry_point.module.partition(".")[0]

    def test_the_entry_point_loads_the_plugin(self) -> None:
        """By that name users see it and can switch it off."""
        assert self.entry_point.load() is self.plugin, f"{self.entry_point.value} is another object than `plugin`"

    def test_the_distribution_requires_the_core(self) -> None:
        """An installer must be able to reject two versions that do not fit."""
        requires = [row.replace(" ", "") for row in _distribution(self.entry_point).requires or ()]
        core = [
            row for row in requires if row.startswith("shunpike") and row[8:9] in ("", "<", ">", "=", "~", "[", ";")
        ]
        assert core, f"add shunpike to the dependencies of {_distribution(self.entry_point).name}"

    def test_the_package_is_typed(self) -> None:
        """Without the marker, type checkers take everything in it for Any."""
        assert files(self.package).joinpath("py.typed").is_file(), f"put an empty file py.typed into {self.package}"

    def test_importing_does_no_input_or_output(self) -> None:
        """Discovery imports many plugins: reading a file or opening a connection waits for the first use."""
        done = imported(self.package)["done"]
        assert not done, f"importing {self.package} did this: {done}: do it when it is first needed"

    def test_importing_loads_only_the_lower_floors(self) -> None:
        """Beyond them nothing, so that the import takes no time to speak of."""
        own = {self.package, *self.may_import, *sys.stdlib_module_names}
        loaded = imported(self.package)["loaded"]
        above = [name for name in loaded if name.startswith("shunpike.") and name.split(".")[1] not in FLOORS]
        assert not above, f"importing {self.package} loads {above}: use only shunpike.{{{','.join(FLOORS)}}}"
        others = sorted({name.split(".")[0] for name in loaded} - own - {"shunpike"})
        assert not others, (
            f"importing {self.package} loads {others}: import them where they are first used, "
            "or name them in may_import"
        )


def imported(package: str) -> Mapping[str, Any]:
    """Return what importing ``package`` in a fresh interpreter loaded and did, beyond the core's lower floors."""
    # All plugins that are tested here are looked at in one go: starting an interpreter is the longest part of it.
    installed = {point.module.partition(".")[0] for point in entry_points(group=ENTRY_POINT_GROUP)} - {"shunpike"}
    found = _probed(tuple(sorted({package, *(name for name in installed if name in sys.modules)})))
    if package not in found:
        found = _probed((package,))
    error = found[package]["error"]
    assert error is None, f"importing {package} alone fails:\n{error}"
    return found[package]


@cache
def _probed(packages: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    command = [sys.executable, "-BP", "-m", "shunpike_testkit.hygiene_probe", *packages]
    run = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"package"')]
    return {row["package"]: row for row in rows}


def entry_point_of(plugin: object) -> EntryPoint | None:
    """Return the entry point that names ``plugin``, None where there is none."""
    module = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
    found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    # Those of the plugin's own package first: others need not be imported for it.
    for point in sorted(found, key=lambda point: point.module.partition(".")[0] != module.partition(".")[0]):
        try:
            if point.load() is plugin:
                return point
        except Exception:  # noqa: BLE001, S112 - a stranger's broken plugin is not what is tested here
            continue
    return None


def _distribution(point: EntryPoint) -> Distribution:
    assert point.dist is not None, f"the entry point {point.name} belongs to no distribution"
    return point.dist
