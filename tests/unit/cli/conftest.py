"""The command line run in this process, over scripted providers, with its streams captured."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.cli.main import run
from shunpike.plugins import Host
from shunpike_testkit.scripted import ScriptedProvider


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


class Terminal(io.TextIOWrapper):
    """Stdin at which a person sits."""

    @override
    def isatty(self) -> bool:
        return True


Cli = Callable[..., Ran]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Return ``cli(*arguments, providers=[…], stdin=None, plugins={})``; without ``stdin`` a person sits there."""
    monkeypatch.chdir(tmp_path)

    def call(
        *arguments: str,
        providers: tuple[ScriptedProvider, ...] = (),
        stdin: str | None = None,
        typed: str = "",
        plugins: dict[str, Any] | None = None,
    ) -> Ran:
        def load(disabled: tuple[str, ...] = ()) -> Host:
            host = Host()
            host.register(builtin, "builtin")
            for place, provider in enumerate(providers):
                provider.order = place
                host.register(provider, provider.name)
            for name, plugin in (plugins or {}).items():
                host.register(plugin, name)
            return host

        monkeypatch.setattr(Host, "load", load)
        source = Terminal(io.BytesIO(typed.encode())) if stdin is None else io.TextIOWrapper(io.BytesIO(stdin.encode()))
        monkeypatch.setattr(sys, "stdin", source)
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call
