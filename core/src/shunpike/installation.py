"""How shunpike was installed, and so which command, as typed, adds a package to it.

Nothing of shunpike is on a package index yet: what is added comes from the sources that this copy was made from.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable
from enum import Enum
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

CORE = "shunpike"
_REQUIREMENT = re.compile(r"""^\s*(?P<name>[A-Za-z0-9._-]+)[^;]*;.*\bextra\s*==\s*['"](?P<extra>[^'"]+)['"]""")
_ELSEWHERE = "in the folder of shunpike's sources (nothing of it is on a package index yet): "


class InstalledBy(Enum):
    """How this copy of shunpike came to be here."""

    UV_TOOL = "uv tool"
    PIPX = "pipx"
    WORKSPACE = "a workspace"
    PIP = "pip"
    UV = "uv"


def way(prefix: Path | None = None) -> InstalledBy:
    """Return how the environment at ``prefix`` (this one) was made, told by the receipts that installers leave."""
    root = prefix or Path(sys.prefix)
    if (root / "uv-receipt.toml").is_file():
        return InstalledBy.UV_TOOL
    if (root / "pipx_metadata.json").is_file():
        return InstalledBy.PIPX
    here = clone()
    if here is not None and here == root.parent and (here / "uv.lock").is_file():
        return InstalledBy.WORKSPACE
    return InstalledBy.PIP if _installed("pip") else InstalledBy.UV


def clone() -> Path | None:
    """Return the folder of the repository that this copy was installed from, None where there is none."""
    core = _sources(CORE)
    return core.parent if core is not None and (core.parent / "plugins").is_dir() else None


def known_plugins(requirements: Iterable[str] | None = None) -> dict[str, str]:
    """Return extra → distribution of the plugins that this version of shunpike can be installed with."""
    if requirements is None:
        try:
            requirements = distribution(CORE).requires or []
        except PackageNotFoundError:
            requirements = []
    matches = [found for line in requirements if (found := _REQUIREMENT.match(line))]
    return {found["extra"]: found["name"] for found in matches if found["name"] == f"{CORE}-{found['extra']}"}


def installed_plugins() -> tuple[str, ...]:
    """Return the distributions that bring plugins, apart from shunpike itself."""
    names = {point.dist.name for point in entry_points(group=CORE) if point.dist is not None}
    return tuple(sorted(names - {CORE}))


def install_hint(name: str) -> str | None:
    """Return the command that adds the plugin ``name``; None when it is installed or unknown."""
    package = known_plugins().get(name)
    present = installed_plugins()
    if package is None or package in present:
        return None
    return command_for(package, present, way(), clone())


def any_plugin_hint() -> str:
    """Return the command that adds a plugin, with NAME in the place of its name."""
    return command_for(f"{CORE}-NAME", installed_plugins(), way(), clone())


def extra_hint(extra: str) -> str:
    """Return the command that adds what shunpike's ``extra`` needs."""
    return command_for(f"{CORE}[{extra}]", installed_plugins(), way(), clone())


def command_for(package: str, present: Iterable[str], how: InstalledBy, folder: Path | None) -> str:
    """Return the command that installs ``package`` beside what is ``present``, from the repository at ``folder``."""
    if folder is None:
        return f"{_ELSEWHERE}pip install {_place(package, None)}"
    wanted = _place(package, folder)
    if how is InstalledBy.UV_TOOL:
        # uv tool rebuilds the environment from its arguments: what is not named again is lost.
        core, added = (wanted, []) if package.startswith(f"{CORE}[") else (_place(CORE, folder), [wanted])
        others = "".join(f" --with {one}" for one in [*added, *(_again(other) for other in present)])
        return f"uv tool install {core}{others}    (you installed with uv tool)"
    if how is InstalledBy.WORKSPACE and package in known_plugins().values():
        return f"uv sync --project {_quoted(str(folder))}    (you work in the repository)"
    commands = {
        InstalledBy.PIPX: f"pipx runpip {CORE} install {wanted}    (you installed with pipx)",
        InstalledBy.PIP: f"{_interpreter()} -m pip install {wanted}",
    }
    return commands.get(how, f"uv pip install --python {_quoted(sys.executable)} {wanted}")


def _place(package: str, folder: Path | None) -> str:
    """Return where the sources of ``package``, one of the repository's, are: below ``folder``, or wherever one is."""
    name, bracket, extras = package.partition("[")
    below = "core" if name == CORE else f"plugins/{name.removeprefix(f'{CORE}-')}"
    return _quoted((f"./{below}" if folder is None else str(folder / below)) + bracket + extras)


def _again(package: str) -> str:
    """Return what to type for a package that is installed already, so that it is installed again."""
    folder = _sources(package)
    return package if folder is None else _quoted(str(folder))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./\\~-]+", text) else f'"{text}"'


def _interpreter() -> str:
    """Return how this interpreter is called by its name where the shell finds it so, else its path."""
    name = Path(sys.executable).name
    found = shutil.which(name)
    return name if found and Path(found) == Path(sys.executable) else _quoted(sys.executable)


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _sources(package: str) -> Path | None:
    """Return the folder that ``package`` was installed from, None where it was none or is there no more."""
    try:
        text = distribution(package).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    origin = json.loads(text) if text else {}
    if "dir_info" not in origin or not origin["url"].startswith("file:"):
        return None
    folder = Path(url2pathname(urlsplit(origin["url"]).path))
    return folder if folder.is_dir() else None
