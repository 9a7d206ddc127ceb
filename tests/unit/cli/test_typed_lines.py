"""What was typed, as its file keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.cli.chat.history import LONGEST, MOST, History


def test_entries_of_several_lines_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "new" / "lines"
    History(file).add("one\ntwo \\\n\tü")
    History(file).add("three")
    assert History(file).entries == ["one\ntwo \\\n\tü", "three"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_blank_repeated_and_pasted_books_are_not_kept(tmp_path: Path) -> None:
    history = History(tmp_path / "lines")
    for text in ("a", "a", " ", "", "b" * (LONGEST + 1), "a"):
        history.add(text)
    assert History(tmp_path / "lines").entries == ["a"]


def test_a_key_in_the_environment_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANY_API_KEY", "gsk_0123456789")
    history = History(tmp_path / "lines")
    history.add("use gsk_0123456789 for it")
    assert history.entries == ["use *** for it"]
    assert "gsk_" not in (tmp_path / "lines").read_text()


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_text("".join(f"{json.dumps(str(number))}\n" for number in range(2 * MOST + 1)))
    assert History(file).entries[0] == str(MOST + 1)
    assert len(file.read_text().splitlines()) == MOST
    assert file.stat().st_mode & 0o777 == 0o600


def test_damaged_lines_are_left_out_and_what_two_processes_add_stays_whole(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b'"a"\n{"no": "text"}\n"half\n\xff\n"b"\n')
    one, other = History(file), History(file)
    one.add("c")
    other.add("d")
    assert History(file).entries == ["a", "b", "c", "d"]
    assert file.stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written_there_is_a_history_for_now(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = History(tmp_path / "file" / "lines")
    history.add("a")
    assert history.entries == ["a"]
    (tmp_path / "folder").mkdir()
    assert History(tmp_path / "folder").entries == []
