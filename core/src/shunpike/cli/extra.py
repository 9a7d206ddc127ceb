"""Commands that plugins bring."""

from __future__ import annotations

from typing import Any

import typer

from shunpike.plugins import Host


def find(name: str) -> Any:
    """Return the plugin's command called ``name``, ready to run, or None."""
    for app in Host.load().commands():
        if isinstance(app, typer.Typer) and app.info.name == name:
            return typer.main.get_command(app)
    return None
