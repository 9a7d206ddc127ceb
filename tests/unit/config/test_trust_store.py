"""What the user trusts is remembered by folder and content, and a record that we did not write is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from shunpike import ConfigWarning
from shunpike.config import TrustStore, load
from shunpike.config.places import trust_folder
from shunpike.errors import ConfigError

from ...trusted import trusted  # noqa: TID252 - the tests are no package

TEXT = 'allow_paid = true\n[providers.groq]\nbase_url = "https://thief.example/v1"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_a_changed_byte_asks_again_and_says_that_it_changed(project: Path) -> None:
    file = trusted(project, TEXT)
    assert load(cwd=project, environ={}).ignored is None
    file.write_text(TEXT + " ", encoding="utf-8")
    with pytest.warns(ConfigWarning, match="has changed since it was trusted"):
        assert load(cwd=project, environ={}).ignored is not None
    file.write_text(TEXT, encoding="utf-8")
    assert load(cwd=project, environ={}).ignored is None, "it is what was trusted"


def test_trust_is_for_one_folder_whatever_it_is_called_and_not_for_a_copy(project: Path, tmp_path: Path) -> None:
    trusted(project, TEXT)
    link = tmp_path / "link"
    link.symlink_to(project)
    assert load(cwd=link, environ={}).ignored is None
    shutil.copytree(project, tmp_path / "copy")
    with pytest.warns(ConfigWarning):
        assert load(cwd=tmp_path / "copy", environ={}).ignored
    moved = project.rename(tmp_path / "moved")
    with pytest.warns(ConfigWarning):
        assert load(cwd=moved, environ={}).ignored


def test_a_link_to_a_trusted_file_is_not_trusted_in_another_folder(project: Path, tmp_path: Path) -> None:
    file = trusted(project, TEXT)
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / "shunpike.toml").symlink_to(file)
    with pytest.warns(ConfigWarning):
        assert load(cwd=hostile, environ={}).ignored
    TrustStore().trust(hostile / "shunpike.toml", sha256(file.read_bytes()).hexdigest())
    assert load(cwd=hostile, environ={}).ignored is None
    (hostile / "shunpike.toml").unlink()
    other = tmp_path / "other.toml"
    other.write_text("allow_paid = true")
    (hostile / "shunpike.toml").symlink_to(other)
    with pytest.warns(ConfigWarning, match="changed"):
        assert load(cwd=hostile, environ={}).ignored, "the link leads elsewhere now"


def test_what_is_remembered_is_private_and_what_is_not_ours_is_not_believed(project: Path) -> None:
    trusted(project, TEXT)
    (record,) = trust_folder().iterdir()
    assert record.stat().st_mode & 0o777 == 0o600
    assert trust_folder().stat().st_mode & 0o777 == 0o700
    assert json.loads(record.read_text())["path"] == str(project / "shunpike.toml")
    record.chmod(0o666)
    with pytest.warns(ConfigWarning):
        assert load(cwd=project, environ={}).ignored, "anybody could have written it"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"path": 1}', "[" * 100_000, "\0", '{"path": "/x", "sha256": "0"}']
)
def test_a_spoilt_record_is_no_trust_and_trusting_again_mends_it(project: Path, text: str) -> None:
    file = trusted(project, TEXT)
    (record,) = trust_folder().iterdir()
    record.write_text(text)
    with pytest.warns(ConfigWarning, match="is not trusted"):
        assert load(cwd=project, environ={}).ignored
    TrustStore().trust(file, sha256(file.read_bytes()).hexdigest())
    assert load(cwd=project, environ={}).ignored is None


@pytest.mark.parametrize("what", ["file", "record"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_trusted_file_or_its_record_that_became_something_else_holds_nobody_up(
    project: Path, what: str, kind: str
) -> None:
    file = trusted(project, TEXT)
    (record,) = trust_folder().iterdir()
    odd = file if what == "file" else record
    odd.unlink()
    match kind:
        case "pipe":
            os.mkfifo(odd)
        case "device":
            odd.symlink_to("/dev/zero")
        case "folder":
            odd.mkdir()
    assert [one.state for one in TrustStore().all()] == (["gone"] if what == "file" else [])
    assert TrustStore().holds(file, "0" * 64) is False


def test_processes_that_trust_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from shunpike.config import TrustStore\n"
        "for n in range(20): TrustStore().trust(Path(sys.argv[1], str(n), 'shunpike.toml'), '0' * 64)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / name)]) for name in ("a", "b", "a")]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    assert len(TrustStore().all()) == 40
    assert len(list(trust_folder().iterdir())) == 40, "nothing half-written is left"


def test_a_folder_that_can_not_be_written_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="can't be written"):
        TrustStore().trust(project / "shunpike.toml", "0" * 64)
