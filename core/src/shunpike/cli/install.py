"""How shunpike was installed, and so which command adds a provider to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from enum import Enum
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from pathlib import Path

from shunpike.client.names import CORE, known_plugins


class Way(Enum):
    """How this copy of shunpike came to be here."""

    UV_TOOL = "uv tool"
    PIPX = "pipx"
    WORKSPACE = "a workspace"
    PIP = "pip"


def way(prefix: Path | None = None) -> Way:
    """Return how the environment at ``prefix`` (this one) was made, told by the receipts that installers leave."""
    root = prefix or Path(sys.prefix)
    if (root / "uv-receipt.toml").is_file():
        return Way.UV_TOOL
    if (root / "pipx_metadata.json").is_file():
        return Way.PIPX
    if _editable() and (root.parent / "uv.lock").is_file():
        return Way.WORKSPACE
    return Way.PIP


def _editable() -> bool:
    try:
        text = distribution(CORE).read_text("direct_url.json")
    except PackageNotFoundError:
        return False
    return bool(text and json.loads(text).get("dir_info", {}).get("editable"))


def installed_plugins() -> tuple[str, ...]:
    """Return the distributions that bring plugins, apart from shunpike itself."""
    names = {point.dist.name for point in entry_points(group=CORE) if point.dist is not None}
    return tuple(sorted(names - {CORE}))


def install_hint(name: str) -> str | None:
    """Return the command that adds the provider ``name``; None when it is installed or unknown."""
    package = known_plugins().get(name)
    present = installed_plugins()
    if package is None or package in present:
        return None
    return command_for(package, present, way())


def command_for(package: str, present: Iterable[str], how: Way) -> str:
    """Return the command that installs ``package`` beside what is ``present``."""
    if how is Way.UV_TOOL:
        # uv tool rebuilds the environment from its arguments: what is not named again is lost.
        others = "".join(f" --with {other}" for other in present)
        return f"uv tool install {CORE} --with {package}{others}    (you installed with uv tool)"
    commands = {
        Way.PIPX: f"pipx inject {CORE} {package}    (you installed with pipx)",
        Way.WORKSPACE: "uv sync    (you work in the repository)",
        Way.PIP: f"{Path(sys.executable).name} -m pip install {package}",
    }
    return commands[how]
