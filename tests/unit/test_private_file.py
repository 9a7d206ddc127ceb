"""Files that only their owner may read: all of what is written, or what was there before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from shunpike.config import KeyStore
from shunpike.config.trust import TrustStore
from shunpike.errors import ConfigError
from shunpike.private_file import write_private


def test_a_file_is_written_whole_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "kept.json"
    write_private(file, "one")
    write_private(file, "two \ud800")
    assert file.read_text(encoding="utf-8") == "two ?"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("what", ["keys", "trust"])
def test_a_disk_that_is_full_is_told_and_what_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    keys, trust = KeyStore(tmp_path / "keys.toml"), TrustStore(tmp_path)
    keys.set("acme", "first-key-of-acme")
    before = sorted(tmp_path.iterdir())

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="can't be written: No space left") as caught:
        if what == "keys":
            keys.set("acme", "second-key-of-acme")
        else:
            trust.trust(tmp_path / "shunpike.toml", "0" * 64)
    assert caught.value.hint
    secret = keys.get("acme")
    assert secret is not None
    assert secret.get_secret_value() == "first-key-of-acme"
    assert sorted(tmp_path.iterdir()) == before
