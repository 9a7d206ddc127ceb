"""A file that anybody may have put there is none of settings at times: it is named, and holds nobody up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shunpike.config import Loaded, load
from shunpike.errors import ConfigError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load_text(project: Path, text: str) -> Loaded:
    (project / "shunpike.toml").write_text(text, encoding="utf-8")
    return load(cwd=project, environ={})


@pytest.mark.parametrize("kind", ["pipe", "device", "large"])
def test_what_is_no_file_of_settings_holds_nobody_up(project: Path, kind: str) -> None:
    file = project / "shunpike.toml"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "large":
            file.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(ConfigError, match=r"shunpike\.toml can't be read: it is (not a regular file|larger than)"):
        load(cwd=project, environ={})


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5000, "x = " + "1" * 5000, "x." * 30_000 + "x = 1", "[x" + ".x" * 30_000 + "]"],
    ids=["lists", "digits", "dots", "table"],
)
def test_a_file_that_the_parser_can_not_bear_is_named(project: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"shunpike\.toml: not valid TOML"):
        load_text(project, text)
