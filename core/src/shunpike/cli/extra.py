"""Commands that plugins bring."""

from __future__ import annotations

from typing import Any

import typer

from shunpike.cli.output import kept_for_data
from shunpike.plugins import Host


def find(name: str) -> Any:
    """Return the plugin's command called ``name``, ready to run, or None."""
    with kept_for_data():
        apps = Host.load().commands()
    for app in apps:
        if isinstance(app, typer.Typer) and app.info.name == name:
            return typer.main.get_command(app)
    return None
